import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { routes } from '../../functions/routes.ts';
import { openApi } from '../../infra/openapi.ts';

describe('openApi', () => {
  it('is what docs/openapi.json says: after a change of a route run `node infra/openapi.ts`', () => {
    const written: unknown = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
    expect(written).toEqual(JSON.parse(JSON.stringify(openApi())));
  });

  it('names every route with its refusals and its signature', () => {
    const { paths, security } = openApi() as { paths: Record<string, Record<string, { responses: object }>>; security: object };
    expect(security).toEqual([{ sigv4: [] }]);
    for (const route of Object.values(routes)) {
      const statuses = Object.keys(paths[route.path]![route.method.toLowerCase()]!.responses).map(Number);
      expect(statuses).toEqual(expect.arrayContaining([route.status, 400, 403, ...route.refusals]));
    }
  });
});
