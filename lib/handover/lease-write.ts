// lib/handover: the language of conditional writes on the lease item.
// in: nothing · out: conditions and changes as data, with the few words that build them

/** An attribute of the lease item; one dot reaches into `handover`, `shadow` or `mark`. */
export type LeasePath =
  | 'owner'
  | 'epoch'
  | 'state'
  | 'checkpoint'
  | 'subSequenceNumber'
  | 'checkpointAtMs'
  | 'mark'
  | 'replicationFactor'
  | 'endedAtMs'
  | 'reshard'
  | 'reshard.operationId'
  | 'shadow'
  | `shadow.${'workerId' | 'state' | 'from' | 'verifiedThrough' | 'verifiedAtMs' | 'bufferedRecords' | 'bufferedBytes' | 'lagMs' | 'divergence'}`
  | 'handover'
  | `handover.${'id' | 'phase' | 'source' | 'target' | 'epoch' | 'taskToken' | 'driver' | 'armed' | 'drained' | 'proof' | 'pausedAtMs' | 'activatedAtMs'}`;

/** A plain JSON value, or the name of an input that is bound later (by `bind`, or by Step Functions from the execution's input). */
export type Operand =
  | { readonly value: unknown }
  | { readonly input: InputName }
  | { readonly path: LeasePath }
  | { readonly map: Readonly<Record<string, Operand>> };
export type InputName = 'handoverId' | 'source' | 'target' | 'epoch' | 'taskToken' | 'pauseBudgetMs' | 'requestedAtMs';

export type Condition =
  | { readonly op: 'equals'; readonly path: LeasePath; readonly to: Operand }
  | { readonly op: 'in'; readonly path: LeasePath; readonly values: readonly string[] }
  | { readonly op: 'exists' | 'missing'; readonly path: LeasePath };

export type Change =
  | { readonly op: 'set'; readonly path: LeasePath; readonly to: Operand }
  | { readonly op: 'add'; readonly path: LeasePath; readonly by: number }
  | { readonly op: 'remove'; readonly path: LeasePath };

/** One conditional write: all conditions hold, then all changes happen, or nothing does. */
export interface LeaseWrite {
  readonly name: string;
  readonly conditions: readonly Condition[];
  readonly changes: readonly Change[];
}

export const value = (v: unknown): Operand => ({ value: v });
export const input = (name: InputName): Operand => ({ input: name });
export const equals = (path: LeasePath, to: Operand): Condition => ({ op: 'equals', path, to });
export const is = (path: LeasePath, v: unknown): Condition => equals(path, value(v));
export const oneOf = (path: LeasePath, values: readonly string[]): Condition => ({ op: 'in', path, values });
export const exists = (path: LeasePath): Condition => ({ op: 'exists', path });
export const missing = (path: LeasePath): Condition => ({ op: 'missing', path });
export const set = (path: LeasePath, to: Operand): Change => ({ op: 'set', path, to });
export const remove = (path: LeasePath): Change => ({ op: 'remove', path });
