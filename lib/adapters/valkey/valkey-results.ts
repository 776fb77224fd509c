// lib/adapters/valkey: a profiling shadow's results in Valkey, or any Redis endpoint: one hash per space, whose TTL the server keeps, also when the host was killed.
// in: ResultStore calls · out: HSET with PEXPIRE in one transaction, HMGET, HDEL, UNLINK
import type { createClient } from '@redis/client';
import { z } from 'zod';
import { PoisonError, TransientError } from '../../errors.ts';
import type { Clock, ResultStore } from '../../ports.ts';
import { systemClock } from '../system-clock.ts';

export interface ValkeyOptions {
  /** `redis://[user:password@]host:port[/database]`, or `rediss://…` for TLS. */
  readonly url: string;
  /** Before each key. @default 'penumbra:' */
  readonly prefix?: string;
  /** How long connecting may take, and a command. @default 2000 */
  readonly timeoutMs?: number;
  /** @default the machine's own */
  readonly clock?: Pick<Clock, 'nowMs'>;
}

const Options = z.strictObject({
  url: z.string().regex(/^rediss?:\/\/\S+$/, {
    error: ({ input }) => `must be redis://host:port or rediss://host:port, got ${String(input)}`,
  }),
  prefix: z.string().default('penumbra:'),
  timeoutMs: z.number().int().positive().default(2000),
});

/** The optional peer, loaded with the first call. Throws a PoisonError where it is not installed. */
const redisClient = async (): Promise<typeof import('@redis/client')> => {
  try {
    return await import('@redis/client');
  } catch (error) {
    throw new PoisonError(
      'valkeyResults needs the package @redis/client, which is not installed; run npm install @redis/client',
      {
        cause: error,
      },
    );
  }
};

export interface ValkeyResults extends ResultStore {
  /** Ends the connection; what is in the store goes by its TTL. */
  close(): Promise<void>;
}

/** Results that all workers of the endpoint see. Connects with the first call; throws a TypeError for options that are none, a TransientError where the endpoint does not answer. */
export const valkeyResults = ({ clock = systemClock, ...options }: ValkeyOptions): ValkeyResults => {
  const parsed = Options.safeParse(options);
  if (!parsed.success)
    throw new TypeError(
      `valkeyResults: ${parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')}`,
    );
  const { url, prefix, timeoutMs } = parsed.data;
  type Client = ReturnType<typeof createClient>;
  let connecting: Promise<Client> | null = null;
  let isClosed = false;

  const connect = async (): Promise<Client> => {
    const client: Client = (await redisClient()).createClient({
      url,
      // What cannot be sent now fails now: a profiling run does not wait for its results.
      disableOfflineQueue: true,
      commandOptions: { timeout: timeoutMs },
      socket: { connectTimeout: timeoutMs, reconnectStrategy: (retries) => Math.min(100 * 2 ** retries, 5_000) },
    });
    // Every command fails by itself while there is no connection; without a listener the process would end.
    client.on('error', () => {});
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    try {
      await Promise.race([client.connect(), late]);
      return client;
    } catch (error) {
      client.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
  /** One connection for all calls; one that could not be had is tried again by the next call. */
  const connected = (): Promise<Client> => {
    connecting ??= connect().catch((error: unknown) => {
      connecting = null;
      throw error;
    });
    return connecting;
  };
  const sending = async <T>(what: string, send: (client: Client) => Promise<T>): Promise<T> => {
    if (isClosed) throw new TransientError(`${what}: the result store is closed`);
    try {
      return await send(await connected());
    } catch (error) {
      if (error instanceof PoisonError) throw error;
      const where = url.replace(/\/\/[^@/]*@/, '//');
      throw new TransientError(`${what} at ${where}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  };
  const keyOf = (space: string): string => `${prefix}${space}`;

  return {
    isShared: true,
    put: async (space, entries, untilMs) => {
      const livesMs = Math.ceil(untilMs - clock.nowMs());
      if (entries.length === 0 || livesMs <= 0) return;
      const fields = entries.flat();
      await sending(`put ${entries.length} results`, (client) =>
        client.multi().hSet(keyOf(space), fields).pExpire(keyOf(space), livesMs).exec(),
      );
    },
    get: async (space, keys) => {
      if (keys.length === 0) return [];
      const found = await sending(`get ${keys.length} results`, (client) => client.hmGet(keyOf(space), [...keys]));
      return found.map((value) => value ?? null);
    },
    remove: async (space, keys) => {
      if (keys.length > 0) await sending(`remove ${keys.length} results`, (client) => client.hDel(keyOf(space), [...keys]));
    },
    clear: async (space) => {
      await sending('clear results', (client) => client.unlink(keyOf(space)));
    },
    close: async () => {
      isClosed = true;
      const client = await connecting?.catch(() => null);
      if (client?.isOpen) client.destroy();
    },
  };
};
