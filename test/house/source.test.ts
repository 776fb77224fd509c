import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const run = (tool: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(join(root, 'node_modules/.bin', tool), args, { cwd: root, encoding: 'utf8' });
  return { status, said: status === 0 ? '' : `${stdout}${stderr}` };
};

describe('the source', () => {
  it('has no type error', () => expect(run('tsc', '--noEmit')).toEqual({ status: 0, said: '' }), 120_000);

  it('passes the linter and is formatted', () => expect(run('biome', 'check')).toEqual({ status: 0, said: '' }), 120_000);
});
