// lib/handover: what a conditional write does to a lease.
// in: a lease and a bound write · out: the next lease, or that a condition did not hold. DynamoDB does the same to the item; the contract test compares.
import type { Lease } from '../model/lease.ts';
import type { Condition, InputName, LeasePath, LeaseWrite, Operand } from './lease-write.ts';

export type Inputs = Readonly<Partial<Record<InputName, unknown>>>;
type Attributes = Record<string, unknown>;

const read = (lease: Attributes, path: LeasePath): unknown => {
  const [head = '', tail] = path.split('.');
  const top = lease[head];
  return tail === undefined ? top : (top as Attributes | undefined)?.[tail];
};

/** Equality as DynamoDB has it: by type and value, deep for maps and lists. */
const same = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same((a as Attributes)[key], (b as Attributes)[key]));
};

const operandValue = (operand: Operand, lease: Attributes): unknown => {
  if ('value' in operand) return operand.value;
  if ('path' in operand) return read(lease, operand.path);
  if ('map' in operand)
    return Object.fromEntries(Object.entries(operand.map).map(([key, inner]) => [key, operandValue(inner, lease)]));
  throw new RangeError(`the write must be bound first, got the open input ${operand.input}`);
};

const holds = (condition: Condition, lease: Attributes): boolean => {
  const actual = read(lease, condition.path);
  if (condition.op === 'equals') {
    const expected = operandValue(condition.to, lease);
    return actual !== undefined && expected !== undefined && same(actual, expected);
  }
  if (condition.op === 'in') return typeof actual === 'string' && condition.values.includes(actual);
  return (actual !== undefined) === (condition.op === 'exists');
};

const changed = (lease: Attributes, path: LeasePath, to: unknown): Attributes => {
  const [head = '', tail] = path.split('.');
  const next = { ...lease };
  if (tail === undefined) {
    if (to === undefined) delete next[head];
    else next[head] = to;
    return next;
  }
  const map = { ...(lease[head] as Attributes) };
  if (to === undefined) delete map[tail];
  else map[tail] = to;
  next[head] = map;
  return next;
};

/** Applies a bound write: every condition holds and every change happens, or nothing does. Paths on the right are read before the write, as in DynamoDB. */
export const applyWrite = (lease: Lease, write: LeaseWrite): { kind: 'written'; lease: Lease } | { kind: 'fenced' } => {
  const before = lease as unknown as Attributes;
  if (!write.conditions.every((condition) => holds(condition, before))) return { kind: 'fenced' };
  const after = write.changes.reduce<Attributes>((next, change) => {
    if (change.op === 'remove') return changed(next, change.path, undefined);
    if (change.op === 'add') return changed(next, change.path, Number(read(before, change.path) ?? 0) + change.by);
    return changed(next, change.path, operandValue(change.to, before));
  }, before);
  return { kind: 'written', lease: after as unknown as Lease };
};

const bindOperand = (operand: Operand, inputs: Inputs): Operand => {
  if ('map' in operand)
    return { map: Object.fromEntries(Object.entries(operand.map).map(([key, inner]) => [key, bindOperand(inner, inputs)])) };
  if (!('input' in operand)) return operand;
  if (inputs[operand.input] === undefined)
    throw new RangeError(`input ${operand.input} is missing, got ${Object.keys(inputs).join(', ')}`);
  return { value: inputs[operand.input] };
};

/** Puts the execution's inputs into a write's open places, as Step Functions does when it renders the state. */
export const bind = (write: LeaseWrite, inputs: Inputs): LeaseWrite => ({
  name: write.name,
  conditions: write.conditions.map((c) => (c.op === 'equals' ? { ...c, to: bindOperand(c.to, inputs) } : c)),
  changes: write.changes.map((c) => (c.op === 'set' ? { ...c, to: bindOperand(c.to, inputs) } : c)),
});
