// lib/model: the nouns. What a look at the world before a worker's start has found.

/** What was found; each kind has its own remedy. */
export type FindingKind =
  | 'region-missing'
  | 'credentials-missing'
  | 'credentials-refused'
  | 'service-unreachable'
  | 'permission-missing'
  | 'stream-missing'
  | 'stream-not-ready'
  | 'stream-on-demand'
  | 'stream-unreadable'
  | 'table-missing'
  | 'table-not-ready'
  | 'table-of-another-schema'
  | 'time-to-live-off'
  | 'clock-wrong'
  | 'too-many-lanes'
  | 'not-checked';

/** Something that would fail later, or that is worth knowing now. */
export interface Finding {
  readonly kind: FindingKind;
  /** What was looked at: `table orders-leases in eu-west-1`. */
  readonly what: string;
  readonly received: string;
  readonly allowed: string;
  /** What the reader is to do about it. */
  readonly doThis: string;
  /** A worker cannot do its work like this. */
  readonly fatal: boolean;
}

/** One finding as a sentence. */
export const findingText = ({ what, received, allowed, doThis }: Finding): string =>
  `${what}: got ${received}; needed: ${allowed}. To do: ${doThis}`;
