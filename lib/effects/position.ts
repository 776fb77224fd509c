// lib/effects: how far the effects of a shard's records have been written, down to the record within a KPL aggregate.
// in: records, or the text of a stored position · out: positions, their text and their order
import { InvariantError } from '../errors.ts';
import { compareSequenceNumbers, SequenceNumber } from '../model/sequence-number.ts';
import type { StreamRecord } from '../model/shard.ts';

/** A record's place in its shard. Without `subSequenceNumber`: a whole record of the stream. */
export interface Position {
  readonly sequenceNumber: string;
  readonly subSequenceNumber: number | undefined;
}

/** The place of a record as it was given to the processor. */
export const positionOf = ({ sequenceNumber, subSequenceNumber }: StreamRecord): Position => ({
  sequenceNumber,
  subSequenceNumber,
});

/** The order of two positions of one shard: negative, zero or positive. A whole record comes after every record within it. */
export const comparePositions = (a: Position, b: Position): number => {
  const bySequence = compareSequenceNumbers(a.sequenceNumber, b.sequenceNumber);
  if (bySequence !== 0 || a.subSequenceNumber === b.subSequenceNumber) return bySequence;
  return (a.subSequenceNumber ?? Number.POSITIVE_INFINITY) - (b.subSequenceNumber ?? Number.POSITIVE_INFINITY);
};

/** `sequenceNumber`, or `sequenceNumber/subSequenceNumber`: the form in which a position is stored. */
export const formatPosition = ({ sequenceNumber, subSequenceNumber }: Position): string =>
  subSequenceNumber === undefined ? sequenceNumber : `${sequenceNumber}/${subSequenceNumber}`;

/** The inverse of `formatPosition`. Throws an InvariantError for any other text: only this module writes it. */
export const parsePosition = (text: string): Position => {
  const [sequenceNumber = '', sub, ...rest] = text.split('/');
  const isRight =
    SequenceNumber.safeParse(sequenceNumber).success && (sub === undefined || /^\d+$/.test(sub)) && rest.length === 0;
  if (!isRight)
    throw new InvariantError(
      `a stored position must be digits or digits/digits, got ${JSON.stringify(text)}; remove it to begin anew`,
    );
  return { sequenceNumber, subSequenceNumber: sub === undefined ? undefined : Number(sub) };
};

/** The records that come after a position; all of them after null. */
export const recordsAfter = (records: readonly StreamRecord[], through: Position | null): readonly StreamRecord[] =>
  through === null ? records : records.filter((record) => comparePositions(positionOf(record), through) > 0);
