// lib/adapters/aws: a conditional write on the lease item as DynamoDB's expressions.
// in: a LeaseWrite · out: the expressions of UpdateItem, with values in plain JSON
// A SET of a nested path needs its parent map on the item, else DynamoDB refuses the whole write: such a write must have a condition on the parent.
import { InvariantError } from '../../errors.ts';
import type { Change, Condition, LeasePath, LeaseWrite, Operand } from '../../handover/lease-write.ts';

export interface RenderedWrite {
  readonly UpdateExpression?: string;
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  /** By placeholder: plain JSON, for the caller to marshal. */
  readonly values: Record<string, unknown>;
}

/** Holds for no item: no attribute is both there and not there. */
const NEVER = (path: string) => `(attribute_exists(${path}) AND attribute_not_exists(${path}))`;

const literalOf = (operand: Operand, write: string): unknown => {
  if ('value' in operand) return operand.value;
  if ('map' in operand)
    return Object.fromEntries(Object.entries(operand.map).map(([key, inner]) => [key, literalOf(inner, write)]));
  if ('input' in operand)
    throw new InvariantError(`write ${write} must be bound before it is rendered, got the open input ${operand.input}`);
  throw new InvariantError(`write ${write} has the path ${operand.path} within a map, which DynamoDB cannot express`);
};

/** Renders a bound write. The item must exist: a write never makes a lease. */
export const renderWrite = (write: LeaseWrite): RenderedWrite => {
  const names: Record<string, string> = {};
  const values: Record<string, unknown> = {};

  const path = (dotted: LeasePath | 'shardId'): string =>
    dotted
      .split('.')
      .map((segment) => {
        names[`#${segment}`] = segment;
        return `#${segment}`;
      })
      .join('.');
  const placeholder = (value: unknown): string => {
    const name = `:v${Object.keys(values).length}`;
    values[name] = value;
    return name;
  };
  const operand = (to: Operand): string | undefined => {
    if ('path' in to) return path(to.path);
    const literal = literalOf(to, write.name);
    return literal === undefined ? undefined : placeholder(literal);
  };

  const condition = (c: Condition): string => {
    const left = path(c.path);
    if (c.op === 'in') return c.values.length === 0 ? NEVER(left) : `${left} IN (${c.values.map(placeholder).join(', ')})`;
    if (c.op !== 'equals') return c.op === 'exists' ? `attribute_exists(${left})` : `attribute_not_exists(${left})`;
    const right = operand(c.to);
    if (right === undefined) return NEVER(left);
    // MiniStack takes two missing attributes for equal; DynamoDB does not.
    return 'path' in c.to ? `(attribute_exists(${right}) AND ${left} = ${right})` : `${left} = ${right}`;
  };

  const clauses: Record<'SET' | 'ADD' | 'REMOVE', string[]> = { SET: [], ADD: [], REMOVE: [] };
  const change = (c: Change): void => {
    const left = path(c.path);
    if (c.op === 'add') clauses.ADD.push(`${left} ${placeholder(c.by)}`);
    else {
      const right = c.op === 'set' ? operand(c.to) : undefined;
      if (right === undefined) clauses.REMOVE.push(left);
      else clauses.SET.push(`${left} = ${right}`);
    }
  };

  const conditions = [`attribute_exists(${path('shardId')})`, ...write.conditions.map(condition)];
  write.changes.forEach(change);
  const update = Object.entries(clauses)
    .filter(([, parts]) => parts.length > 0)
    .map(([verb, parts]) => `${verb} ${parts.join(', ')}`)
    .join(' ');
  return {
    ...(update === '' ? {} : { UpdateExpression: update }),
    ConditionExpression: conditions.join(' AND '),
    ExpressionAttributeNames: names,
    values,
  };
};
