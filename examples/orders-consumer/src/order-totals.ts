// orders-consumer: what an order does to the totals of its customer.
// in: records `{"orderId", "customerId", "amountCents"}` in JSON · out: one update per customer
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { PoisonError, type StreamRecord } from 'penumbra';

interface Order {
  readonly customerId: string;
  readonly amountCents: number;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The order of a record. Throws a PoisonError when it is none: no further attempt would help. */
export const orderOf = ({ data, sequenceNumber }: StreamRecord): Order => {
  let read: unknown;
  try {
    read = JSON.parse(decoder.decode(data));
  } catch (cause) {
    throw new PoisonError(`record ${sequenceNumber} must be JSON in UTF-8, got ${data.byteLength} bytes that are not`, { cause });
  }
  const { customerId, amountCents } = (read ?? {}) as Partial<Record<keyof Order, unknown>>;
  if (typeof customerId !== 'string' || customerId === '')
    throw new PoisonError(`record ${sequenceNumber}: customerId must be a text, got ${JSON.stringify(customerId)}`);
  if (typeof amountCents !== 'number' || !Number.isSafeInteger(amountCents))
    throw new PoisonError(`record ${sequenceNumber}: amountCents must be a whole number, got ${JSON.stringify(amountCents)}`);
  return { customerId, amountCents };
};

/**
 * Adds orders to the totals of their customers. `ADD` is not idempotent: it is right only because each record has its effects once (penumbra/effects).
 * An item may stand in a transaction once, so that the orders of one customer become one update.
 */
export const totalsOf = (totalsTable: string, records: readonly StreamRecord[]): TransactWriteItem[] => {
  const totals = new Map<string, { orders: number; amountCents: number }>();
  for (const record of records) {
    const { customerId, amountCents } = orderOf(record);
    const before = totals.get(customerId) ?? { orders: 0, amountCents: 0 };
    totals.set(customerId, { orders: before.orders + 1, amountCents: before.amountCents + amountCents });
  }
  return [...totals].map(([customerId, { orders, amountCents }]) => ({
    Update: {
      TableName: totalsTable,
      Key: { customerId: { S: customerId } },
      UpdateExpression: 'ADD orders :orders, amountCents :amount',
      ExpressionAttributeValues: { ':orders': { N: String(orders) }, ':amount': { N: String(amountCents) } },
    },
  }));
};
