// lib/adapters/aws: what an error of the SDK means to us.
// in: whatever the SDK threw · out: one of the three errors, with the SDK's as cause
import { InvariantError, PoisonError, ThrottledError, TransientError } from '../../errors.ts';

/** Too much was asked in too short a time, by us or by others who share the limit. */
const THROTTLED = new Set([
  'KMSThrottlingException',
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
]);

/** The service is busy or asks to come back later. */
const COME_BACK = new Set([
  'AbortError',
  'TimeoutError',
  'ExpiredTokenException',
  'InternalFailure',
  'InternalFailureException',
  'InternalServerError',
  'InternalServiceError',
  'ItemCollectionSizeLimitExceededException',
  'ResourceInUseException',
  'ServiceUnavailable',
  'TransactionConflictException',
  'TransactionInProgressException',
]);

/** The input names what is not there or not to be had. */
const HOPELESS = new Set([
  'ResourceNotFoundException',
  'InvalidArgumentException',
  'BatchRequestTooLong',
  'InvalidMessageContents',
  'InvalidExecutionInput',
  'InvalidOutput',
]);

/** Sockets and names: the request may never have arrived. */
const NETWORK = /^(E[A-Z]+|UND_ERR_[A-Z_]+)$/;

interface SdkError extends Error {
  readonly code?: string;
  readonly $retryable?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

/** The SDK's name of an error (`ResourceInUseException`, `TimeoutError`, …). */
export const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

/** How often the SDK sent the request that failed with this error: from the second on, an earlier one may have been carried out. */
export const attemptsOf = (error: unknown): number => (error as SdkError).$metadata?.attempts ?? 1;

/** Translates an SDK error. `what` says what was tried, with its names. */
export const translate = (error: unknown, what: string): Error => {
  if (error instanceof TransientError || error instanceof PoisonError || error instanceof InvariantError) return error;
  const sdk = error as SdkError;
  const name = nameOf(error);
  const message = `${what}: ${name}: ${sdk.message}`;
  const status = sdk.$metadata?.httpStatusCode ?? 0;
  if (THROTTLED.has(name) || status === 429) return new ThrottledError(message, { cause: error });
  const mayPass = COME_BACK.has(name) || status >= 500 || sdk.$retryable !== undefined || NETWORK.test(sdk.code ?? '');
  if (mayPass) return new TransientError(message, { cause: error });
  if (HOPELESS.has(name)) return new PoisonError(message, { cause: error });
  return new InvariantError(message, { cause: error });
};

/** Runs a call of the SDK and translates what it throws. */
export const sending = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
  try {
    return await call();
  } catch (error) {
    throw translate(error, what);
  }
};
