import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiAnswer, apiClient } from '../../console/api-client.ts';
import { type ConsoleServer, startConsole } from '../../console/server.ts';
import { TransientError } from '../../lib/errors.ts';

const target = { url: 'http://127.0.0.1:9/v1', application: 'demo', streamName: 'orders' };
const asked: string[] = [];
let answer: () => Promise<ApiAnswer>;
let server: ConsoleServer;
beforeAll(async () => {
  const opened = await startConsole(target, 0, async (method, path) => {
    asked.push(`${method} ${path}`);
    return answer();
  });
  if (opened.kind === 'refused') throw new Error(opened.message);
  server = opened.server;
});
afterAll(() => server.close());

const get = (path: string, options: { method?: string; host?: string } = {}) =>
  new Promise<{ status: number; type: string; body: string; policy: string }>((resolve, reject) => {
    const call = request(
      new URL(path, server.url),
      { method: options.method ?? 'GET', headers: options.host === undefined ? {} : { host: options.host } },
      (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            body,
            policy: String(response.headers['content-security-policy'] ?? ''),
          }),
        );
      },
    );
    call.on('error', reject);
    call.end();
  });

describe('startConsole', () => {
  it('serves the page, its style and its script, with a policy that lets nothing foreign in', async () => {
    const page = await get('/');
    expect(page).toMatchObject({ status: 200, type: 'text/html; charset=utf-8' });
    expect(page.policy).toContain("default-src 'self'");
    expect(await get('/console.css')).toMatchObject({ status: 200, type: 'text/css; charset=utf-8' });
    const script = await get('/console.js');
    expect(script.status).toBe(200);
    expect(script.body).not.toContain('import type');
    expect(JSON.parse((await get('/about.json')).body)).toMatchObject({ application: 'demo', streamName: 'orders' });
  });

  it('passes the page’s questions on and answers with what the API said', async () => {
    answer = async () => ({ status: 404, body: '{"error":"UnknownStream","message":"not managed here"}' });
    const reply = await get('/api/fleet');
    expect(reply).toMatchObject({ status: 404, body: '{"error":"UnknownStream","message":"not managed here"}' });
    expect(asked.at(-1)).toBe('GET /fleet');
  });

  it('says so when the API does not answer', async () => {
    answer = async () => {
      throw new TransientError('http://127.0.0.1:9 does not answer');
    };
    const reply = await get('/api/plans');
    expect(reply.status).toBe(502);
    expect(JSON.parse(reply.body)).toEqual({ error: 'ApiUnreachable', message: 'http://127.0.0.1:9 does not answer' });
  });

  it.each(['/api/operations/x', '/api/', '/../package.json', '/console.ts', '/api/shadow/create'])(
    'passes nothing else on: %s',
    async (path) => {
      const before = asked.length;
      expect((await get(path)).status).toBe(404);
      expect(asked).toHaveLength(before);
    },
  );

  it('fails for another host name, so that no other site can read it', async () => {
    expect((await get('/api/fleet', { host: 'evil.example' })).status).toBe(421);
    expect((await get('/', { host: 'localhost:1234' })).status).toBe(200);
  });

  it('fails for anything but reading', async () => {
    expect((await get('/api/policies', { method: 'PUT' })).status).toBe(405);
  });

  it('fails on a port in use with the port in the message', async () => {
    const port = Number(new URL(server.url).port);
    expect(await startConsole(target, port)).toEqual({
      kind: 'refused',
      message: `port ${port} is in use; choose another with --port`,
    });
  });
});

describe('apiClient', () => {
  it('fails with a TransientError that names the address when nothing answers', async () => {
    const client = apiClient(target, async () => ({ accessKeyId: 'a', secretAccessKey: 'b' }));
    await expect(client('GET', '/fleet')).rejects.toThrow(TransientError);
    await expect(client('GET', '/fleet')).rejects.toThrow(/^http:\/\/127\.0\.0\.1:9 does not answer: /);
  });

  it('signs each request and puts application and stream into a GET', async () => {
    const { createServer } = await import('node:http');
    const seen: { url: string; authorization: string; body: string }[] = [];
    const api = createServer((incoming, response) => {
      let body = '';
      incoming.on('data', (chunk) => {
        body += chunk;
      });
      incoming.on('end', () => {
        seen.push({ url: incoming.url ?? '', authorization: incoming.headers.authorization ?? '', body });
        response.end('{}');
      });
    });
    await new Promise<void>((done) => api.listen(0, '127.0.0.1', done));
    const { port } = api.address() as { port: number };
    const client = apiClient({ ...target, url: `http://127.0.0.1:${port}/v1/` }, async () => ({
      accessKeyId: 'AKID',
      secretAccessKey: 'b',
    }));
    await client('GET', '/plans', { limit: '3' });
    await client('POST', '/shadow/create', {}, { shardId: 's' });
    expect(seen.map(({ url, body }) => [url, body])).toEqual([
      ['/v1/plans?application=demo&streamName=orders&limit=3', ''],
      ['/v1/shadow/create', '{"shardId":"s"}'],
    ]);
    for (const { authorization } of seen)
      expect(authorization).toMatch(
        /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/[a-z0-9-]+\/execute-api\/aws4_request, SignedHeaders=.*host/,
      );
    api.close();
  });
});
