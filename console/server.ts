// console/server: serves the page and passes its questions on, signed, to the deployed API. For this machine only.
// in: HTTP on the loopback · out: the page; GET /api/… as the API answers it
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type ApiTarget, apiClient } from './api-client.ts';

/** What the page asks for; anything else is not passed on. */
const PASSED_ON = new Set(['/fleet', '/predictions', '/shadow/monitor', '/plans', '/policies']);
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
};

export interface ConsoleServer {
  readonly url: string;
  close(): Promise<void>;
}

export type ConsoleResult =
  | { readonly kind: 'listening'; readonly server: ConsoleServer }
  | { readonly kind: 'refused'; readonly message: string };

/** The page's script: an installed package brings it bundled, the sources are bundled now. */
const pageScript = async (folder: string): Promise<string> => {
  if (!import.meta.url.endsWith('.ts')) return readFile(`${folder}console.js`, 'utf8');
  const { bundlePage } = await import('./bundle-page.ts');
  return bundlePage();
};

/** Opens the console on 127.0.0.1; port 0 takes a free one. `refused` when the port cannot be had. */
export const startConsole = async (target: ApiTarget, port: number, client = apiClient(target)): Promise<ConsoleResult> => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const files = new Map<string, { readonly type: string; readonly content: string }>([
    ['/', { type: 'text/html; charset=utf-8', content: await readFile(`${folder}index.html`, 'utf8') }],
    ['/console.css', { type: 'text/css; charset=utf-8', content: await readFile(`${folder}console.css`, 'utf8') }],
    ['/console.js', { type: 'text/javascript; charset=utf-8', content: await pageScript(folder) }],
    [
      '/about.json',
      {
        type: 'application/json',
        content: JSON.stringify({
          application: target.application,
          streamName: target.streamName,
          source: new URL(target.url).origin,
        }),
      },
    ],
  ]);
  const reply = (response: ServerResponse, status: number, type: string, content: string) =>
    response.writeHead(status, { ...HEADERS, 'content-type': type }).end(content);
  const problem = (response: ServerResponse, status: number, error: string, message: string) =>
    reply(response, status, 'application/json', JSON.stringify({ error, message }));

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Another site's page must not read this one by a name that resolves to 127.0.0.1.
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    if (host !== '127.0.0.1' && host !== 'localhost')
      return void problem(
        response,
        421,
        'WrongHost',
        `this console answers to 127.0.0.1 and localhost only, got ${host || 'no host'}`,
      );
    if (request.method !== 'GET')
      return void problem(response, 405, 'MethodNotAllowed', `the console only reads, got ${request.method}`);
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const file = files.get(pathname);
    if (file !== undefined) return void reply(response, 200, file.type, file.content);
    const path = pathname.startsWith('/api/') ? pathname.slice(4) : '';
    if (!PASSED_ON.has(path)) return void problem(response, 404, 'NotFound', `nothing at ${pathname}`);
    try {
      const { status, body } = await client('GET', path);
      reply(response, status, 'application/json', body);
    } catch (error) {
      problem(response, 502, 'ApiUnreachable', error instanceof Error ? error.message : String(error));
    }
  };
  const server = createServer((request, response) => void answer(request, response));
  const failure = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once('error', resolve);
    server.listen(port, '127.0.0.1', () => resolve(null));
  });
  if (failure !== null) {
    const why =
      failure.code === 'EADDRINUSE'
        ? 'is in use'
        : failure.code === 'EACCES'
          ? 'needs more rights'
          : `cannot be had (${failure.code ?? failure.message})`;
    return { kind: 'refused', message: `port ${port} ${why}; choose another with --port` };
  }
  const address = server.address() as { port: number };
  return {
    kind: 'listening',
    server: {
      url: `http://127.0.0.1:${address.port}/`,
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    },
  };
};
