// lib/adapters/aws: one question of the preflight: a request whose refusal is as good an answer as its success.
// in: a command of the SDK · out: what was answered, by whom, and when by the server's clock
import { TransientError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import { nameOf, translate } from './sdk-errors.ts';

/** An answer that is not the one asked for. `declined`: the service understood, allowed it, and had another reason. */
export interface Refusal {
  readonly kind: 'declined' | 'denied' | 'busy' | 'no-region' | 'no-credentials' | 'bad-credentials' | 'unreachable';
  readonly name: string;
  readonly message: string;
  /** Scheme, host and port that it came from; none when nothing was sent. */
  readonly endpoint: string | undefined;
}
export type Answer<T> = { readonly kind: 'answered'; readonly output: T } | Refusal;

/** When a server answered, between two readings of our wall clock. */
export interface ServerTime {
  readonly sentAtMs: number;
  readonly serverAtMs: number;
  readonly receivedAtMs: number;
}

export interface Asking {
  /** Never throws because of an answer; throws when `signal` aborts. `call` sends `command`. */
  ask<T>(command: object, call: () => Promise<T>): Promise<Answer<T>>;
  /** The times of all answers so far that had a Date. */
  readonly times: readonly ServerTime[];
}

interface HttpRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
}
interface HttpResponse {
  readonly headers: Readonly<Record<string, string | undefined>>;
}
interface Sending {
  readonly request: HttpRequest;
}
interface Received {
  readonly response: HttpResponse;
}
type Middleware = (next: (sending: Sending) => Promise<Received>) => (sending: Sending) => Promise<Received>;
/** As much of the SDK's middleware stack as is used. */
interface Command {
  readonly middlewareStack: { add(middleware: Middleware, options: object): void };
}

const BAD_CREDENTIALS = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);
const DENIED = /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|NotAuthorized|NotAuthorizedException)$/;
/** Also where the SDK hides the cause in its message: its HTTP/2 handler has no `code`. */
const UNREACHABLE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|EPIPE|ETIMEDOUT)\b/;

const refusalOf = (error: Error & { readonly code?: string }, endpoint: string | undefined): Refusal => {
  const name = nameOf(error);
  const told = { name, message: error.message, endpoint };
  if (DENIED.test(name)) return { kind: 'denied', ...told };
  if (BAD_CREDENTIALS.has(name)) return { kind: 'bad-credentials', ...told };
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') return { kind: 'no-credentials', ...told };
  if (/^Region is missing/.test(error.message)) return { kind: 'no-region', ...told };
  if (name === 'TimeoutError' || UNREACHABLE.test(`${error.code ?? ''} ${error.message}`))
    return { kind: 'unreachable', ...told };
  // Whoever is throttled on a shard or a table was let in before.
  if (name === 'ProvisionedThroughputExceededException') return { kind: 'declined', ...told };
  return { kind: translate(error, '') instanceof TransientError ? 'busy' : 'declined', ...told };
};

/** Questions that share their notes of the servers' clocks. */
export const asking = (clock: Clock, signal?: AbortSignal): Asking => {
  const times: ServerTime[] = [];
  return {
    times,
    ask: async (command, call) => {
      let endpoint: string | undefined;
      const noting: Middleware = (next) => async (sending) => {
        const { protocol, hostname, port } = sending.request;
        endpoint = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
        const sentAtMs = clock.nowMs();
        const received = await next(sending);
        const serverAtMs = Date.parse(received.response.headers.date ?? '');
        if (!Number.isNaN(serverAtMs)) times.push({ sentAtMs, serverAtMs, receivedAtMs: clock.nowMs() });
        return received;
      };
      // Next to the wire: inside of the SDK's retries, outside of its reading of the answer as an error.
      (command as Command).middlewareStack.add(noting, { step: 'deserialize', priority: 'low', name: 'penumbraPreflight' });
      try {
        return { kind: 'answered', output: await call() };
      } catch (error) {
        if (signal?.aborted) throw translate(error, 'checks before the start');
        return refusalOf(error as Error, endpoint);
      }
    },
  };
};
