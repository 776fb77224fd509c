import { describe, expect, test } from 'vitest';
import { attemptsOf, translate } from '../../lib/adapters/aws/sdk-errors.ts';
import { InvariantError, PoisonError, SubscriptionRefusedError, ThrottledError, TransientError } from '../../lib/errors.ts';

const sdkError = (name: string, more: object = {}): Error => Object.assign(new Error('said the service'), { name }, more);

describe('translate', () => {
  test.each([
    [sdkError('ProvisionedThroughputExceededException'), ThrottledError],
    [sdkError('ThrottlingException'), ThrottledError],
    [sdkError('LimitExceededException'), ThrottledError],
    [sdkError('Whatever', { $metadata: { httpStatusCode: 429 } }), ThrottledError],
    [sdkError('TimeoutError'), TransientError],
    [sdkError('AbortError'), TransientError],
    [sdkError('Whatever', { $metadata: { httpStatusCode: 503 } }), TransientError],
    [sdkError('Error', { code: 'ECONNREFUSED' }), TransientError],
    [sdkError('ResourceNotFoundException', { $metadata: { httpStatusCode: 400 } }), PoisonError],
    [sdkError('InvalidArgumentException'), PoisonError],
    [sdkError('ValidationException'), InvariantError],
    [sdkError('AccessDeniedException'), InvariantError],
    [new TypeError('x is not a function'), InvariantError],
  ])('makes of %s what it means, with its cause and what was tried', (error, kind) => {
    const translated = translate(error, 'read shard 1');
    expect(translated.constructor).toBe(kind);
    expect(translated.cause).toBe(error);
    expect(translated.message).toMatch(/^read shard 1: /);
  });

  test('names a ThrottledError as Step Functions retries it', () => {
    expect(translate(sdkError('ThrottlingException'), 'x')).toMatchObject({ name: 'TransientError' });
  });

  test('leaves our own errors as they are', () => {
    const refused = new SubscriptionRefusedError('taken');
    expect(translate(refused, 'subscribe')).toBe(refused);
  });
});

describe('attemptsOf', () => {
  test('is what the SDK counted, or one', () => {
    expect(attemptsOf(sdkError('x', { $metadata: { attempts: 3 } }))).toBe(3);
    expect(attemptsOf(sdkError('x'))).toBe(1);
  });
});
