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

/** What a state reads: the execution's own input, or the variables that the first state assigned from it. Never a state's input, which what happens on the way could change. */
export interface InputSource {
  readonly text: (field: string) => string;
  readonly number: (field: string) => string;
}
export const fromExecution: InputSource = { text: ofExecution, number: (field) => `$string(${ofExecution(field)})` };
/** For states in which a shard stands still: a variable is read sooner than a path is. */
export const fromVariables: InputSource = { text: (field) => `$${field}`, number: (field) => `$${field}` };
/** Assigned once, from the execution's input. */
export const inputVariables: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['group', 'shardId', 'handoverId', 'source', 'target'].map((field) => [field, `{% ${fromExecution.text(field)} %}`]),
  ),
  epoch: `{% ${fromExecution.number('epoch')} %}`,
};

/** Where each open input comes from. */
const inputs = ({ text, number }: InputSource, pauseBudgetMs: number): Record<InputName, unknown> => ({
  handoverId: new Expression('S', text('handoverId')),
  source: new Expression('S', text('source')),
  target: new Expression('S', text('target')),
  epoch: new Expression('N', number('epoch')),
  requestedAtMs: new Expression('N', number('requestedAtMs')),
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
export const leaseKey = ({ text }: InputSource): object => ({
  group: { S: `{% ${text('group')} %}` },
  shardId: { S: `{% ${text('shardId')} %}` },
});

/** The arguments of one UpdateItem. */
export const writeArguments = (write: LeaseWrite, tableName: string, pauseBudgetMs: number, from: InputSource): object => {
  const { values, ...expressions } = renderWrite(bind(write, inputs(from, pauseBudgetMs)));
  return { TableName: tableName, Key: leaseKey(from), ...expressions, ExpressionAttributeValues: attributesOf(values) };
};
