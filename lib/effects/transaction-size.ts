// lib/effects: what one DynamoDB transaction can hold.
// in: the user's part of a transaction · out: why it does not fit, or nothing. Source: DynamoDB API reference, TransactWriteItems
import type { AttributeValue, TransactWriteItem } from '@aws-sdk/client-dynamodb';

/** 100 actions in all; one is the lease's. */
export const MAX_ITEMS = 99;
/** The aggregate size of the items. */
export const MAX_BYTES = 4 * 1024 * 1024;

const textBytes = (text: string): number => Buffer.byteLength(text);

/** A value's size by DynamoDB's rules (developer guide, "Item sizes and formats"); numbers by their upper bound. */
const valueBytes = (value: AttributeValue): number => {
  if (value.S !== undefined) return textBytes(value.S);
  if (value.N !== undefined) return Math.min(21, Math.ceil(value.N.length / 2) + 1);
  if (value.B !== undefined) return value.B.byteLength;
  if (value.M !== undefined) return 3 + attributesBytes(value.M) + Object.keys(value.M).length;
  if (value.L !== undefined) return 3 + value.L.reduce((sum, inner) => sum + valueBytes(inner) + 1, 0);
  if (value.SS !== undefined) return value.SS.reduce((sum, text) => sum + textBytes(text), 0);
  if (value.NS !== undefined) return value.NS.length * 21;
  if (value.BS !== undefined) return value.BS.reduce((sum, bytes) => sum + bytes.byteLength, 0);
  return 1;
};

const attributesBytes = (attributes: Record<string, AttributeValue> | undefined): number =>
  Object.entries(attributes ?? {}).reduce((sum, [name, value]) => sum + textBytes(name) + valueBytes(value), 0);

/** At least so many bytes: an update counts with what it brings, not with the item that it changes, which DynamoDB counts too. */
export const leastBytes = (items: readonly TransactWriteItem[]): number =>
  items.reduce((sum, { Put, Update, Delete, ConditionCheck }) => {
    const keyed = Update ?? Delete ?? ConditionCheck;
    return (
      sum + attributesBytes(Put?.Item) + attributesBytes(keyed?.Key) + attributesBytes((Put ?? keyed)?.ExpressionAttributeValues)
    );
  }, 0);

/** What is too large about the user's part, what is allowed and what to do; null where it fits. */
export const misfitOf = (items: readonly TransactWriteItem[], records: number): string | null => {
  const remedy = `set maxBatchRecords lower than ${records}, or write a part of the records at a time, in order`;
  if (items.length > MAX_ITEMS)
    return `one transaction takes at most ${MAX_ITEMS} items besides the lease, got ${items.length} for ${records} records; ${remedy}`;
  const bytes = leastBytes(items);
  return bytes > MAX_BYTES
    ? `one transaction takes at most ${MAX_BYTES} bytes, got ${bytes} for ${records} records; ${remedy}`
    : null;
};
