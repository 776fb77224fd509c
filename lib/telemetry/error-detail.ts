// lib/telemetry: an error as a log may keep it: class, message and causes, nothing else. Errors of libraries carry requests, and a RecordFailure its record.
// in: whatever was thrown · out: plain text fields

export interface ErrorDetail {
  readonly name: string;
  readonly message: string;
  readonly cause?: ErrorDetail;
}

const MAX_TEXT = 1000;
const MAX_CAUSES = 5;

const short = (text: string): string =>
  text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}… (${text.length} characters)`;

/** Class, message and up to five causes of an error. */
export const errorDetail = (error: unknown, causes = MAX_CAUSES): ErrorDetail => {
  if (!(error instanceof Error)) return { name: error === null ? 'null' : typeof error, message: short(String(error)) };
  const { name, message, cause } = error;
  return {
    name,
    message: short(message),
    ...(cause === undefined || causes === 0 ? {} : { cause: errorDetail(cause, causes - 1) }),
  };
};
