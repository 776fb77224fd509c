// console/api-client: one signed request to Penumbra's API, for the console and the command line.
// in: the API's address, a path, query, body · out: status and body; SigV4 by the user's own credentials
import { createHash, createHmac } from 'node:crypto';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { SignatureV4 } from '@smithy/signature-v4';
import { TransientError } from '../lib/errors.ts';

export interface ApiTarget {
  /** The address of the deployed stage, as `cdk deploy` prints it. */
  readonly url: string;
  readonly application: string;
  readonly streamName: string;
}

export interface ApiAnswer {
  readonly status: number;
  /** The body as text: JSON from the API, whatever came from anything in between. */
  readonly body: string;
}

export type ApiClient = (
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  query?: Readonly<Record<string, string>>,
  body?: unknown,
) => Promise<ApiAnswer>;

/** SHA-256 in the form that the signer wants. */
class Sha256 {
  #hash;
  readonly #secret: Uint8Array | string | undefined;
  constructor(secret?: Uint8Array | string) {
    this.#secret = secret;
    this.#hash = this.#fresh();
  }
  #fresh() {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret);
  }
  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {
    this.#hash = this.#fresh();
  }
}

/** The region that a REST API's own host name tells, else the environment's. */
const regionOf = (host: string): string =>
  /\.execute-api\.([a-z0-9-]+)\./.exec(host)?.[1] ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? 'us-east-1';

/** A client for one deployed API. Application and stream go with every GET and DELETE. Throws TransientError when nothing answers. */
export const apiClient = (target: ApiTarget, credentials = defaultProvider()): ApiClient => {
  const base = new URL(target.url);
  const signer = new SignatureV4({
    service: 'execute-api',
    region: regionOf(base.hostname),
    credentials,
    sha256: Sha256 as never,
  });
  return async (method, path, query = {}, body) => {
    const all: Record<string, string> =
      method === 'GET' || method === 'DELETE'
        ? { application: target.application, streamName: target.streamName, ...query }
        : { ...query };
    const pathname = `${base.pathname.replace(/\/$/, '')}${path}`;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const signed = await signer.sign({
      method,
      protocol: base.protocol,
      hostname: base.hostname,
      ...(base.port === '' ? {} : { port: Number(base.port) }),
      path: pathname,
      query: all,
      headers: { host: base.host, ...(text === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(text === undefined ? {} : { body: text }),
    });
    const url = new URL(pathname, base);
    for (const [name, value] of Object.entries(all)) url.searchParams.set(name, value);
    const { host: _host, ...headers } = signed.headers;
    try {
      const response = await fetch(url, {
        method,
        headers,
        ...(text === undefined ? {} : { body: text }),
        signal: AbortSignal.timeout(30_000),
      });
      return { status: response.status, body: await response.text() };
    } catch (error) {
      const cause = (error as Error).cause;
      throw new TransientError(
        `${base.origin} does not answer: ${cause instanceof Error ? cause.message : (error as Error).message}`,
        { cause: error },
      );
    }
  };
};
