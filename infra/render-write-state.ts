// infra: a conditional write on the lease item as a state of Step Functions.
// in: a LeaseWrite with open inputs · out: the arguments of aws-sdk:dynamodb:updateItem, in JSONata
// The expressions are those of lib/adapters/aws/render-write.ts: workers and machine write the same item by one description.
import { renderWrite } from '../lib/adapters/aws/render-write.ts';
import { bind } from '../lib/handover/apply-write.ts';
import type { InputName, LeaseWrite } from '../lib/handover/lease-write.ts';

/** An attribute whose value Step Functions computes. */
class Expression {
  readonly attribute: Readonly<Record<string, string>>;

  constructor(type: 'S' | 'N', jsonata: string) {
    this.attribute = { [type]: `{% ${jsonata} %}` };
  }
}

const ofExecution = (field: string): string => `$states.context.Execution.Input.${field}`;

/** Where each open input comes from. The execution's own input, not a state's: nothing that happens on the way can change it. */
const inputs = (pauseBudgetMs: number): Record<InputName, unknown> => ({
  handoverId: new Expression('S', ofExecution('handoverId')),
  source: new Expression('S', ofExecution('source')),
  target: new Expression('S', ofExecution('target')),
  epoch: new Expression('N', `$string(${ofExecution('epoch')})`),
  requestedAtMs: new Expression('N', `$string(${ofExecution('requestedAtMs')})`),
  taskToken: new Expression('S', '$states.context.Task.Token'),
  pauseBudgetMs,
});

const attributeOf = (value: unknown): object => {
  if (value instanceof Expression) return value.attribute;
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { M: attributesOf(value) };
  throw new TypeError(`a write of the handover machine holds strings, numbers and maps, got ${JSON.stringify(value)}`);
};
const attributesOf = (values: object): Record<string, object> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, attributeOf(value)]));

/** The lease item of the execution's shard. */
export const leaseKey = { group: { S: `{% ${ofExecution('group')} %}` }, shardId: { S: `{% ${ofExecution('shardId')} %}` } };

/** The arguments of one UpdateItem. */
export const writeArguments = (write: LeaseWrite, tableName: string, pauseBudgetMs: number): object => {
  const { values, ...expressions } = renderWrite(bind(write, inputs(pauseBudgetMs)));
  return { TableName: tableName, Key: leaseKey, ...expressions, ExpressionAttributeValues: attributesOf(values) };
};
