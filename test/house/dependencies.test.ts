import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const rooms = ['history', 'forecast', 'plan', 'shadow', 'handover', 'profile', 'feedback'];

const filesUnder = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));

/** The project's own files that a file imports, as paths from the root. */
const importsOf = (file: string): string[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    relative(root, resolve(root, dirname(file), match[1] ?? '')),
  );

const source = (file: string): string => readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');

/** Who may import what, beside itself: the table of the house. */
const table: Record<string, string[]> = {
  'lib/model': [],
  ...Object.fromEntries(rooms.map((room) => [`lib/${room}`, ['lib/model', 'lib/errors.ts']])),
  'lib/liveness': ['lib/model', 'lib/ports.ts', 'lib/errors.ts'],
  'lib/adapters': ['lib/model', 'lib/ports.ts', 'lib/errors.ts', 'lib/handover', 'lib/forecast', 'lib/history', 'lib/liveness'],
  'lib/consumer': ['lib/model', 'lib/ports.ts', 'lib/errors.ts', 'lib/handover', 'lib/shadow', 'lib/profile', 'lib/liveness'],
  'lib/effects': ['lib/model', 'lib/ports.ts', 'lib/errors.ts', 'lib/handover', 'lib/adapters', 'lib/consumer'],
  'lib/telemetry': ['lib/model', 'lib/ports.ts', 'lib/errors.ts', 'lib/consumer', 'lib/adapters/system-clock.ts'],
  public: ['lib', 'infra'],
};

describe('the house', () => {
  for (const [folder, allowed] of Object.entries(table)) {
    it(`${folder} imports only itself${allowed.length > 0 ? `, ${allowed.join(', ')}` : ''}`, () => {
      const files = filesUnder(folder);
      expect(files.length).toBeGreaterThan(0);
      const foreign = files.flatMap((file) =>
        importsOf(file)
          .filter((target) => ![folder, ...allowed].some((place) => target === place || target.startsWith(`${place}/`)))
          .map((target) => `${file} imports ${target}`),
      );
      expect(foreign).toEqual([]);
    });
  }

  it('lib/model imports nothing but zod', () => {
    const packages = filesUnder('lib/model').flatMap((file) =>
      [...source(file).matchAll(/from '([^.][^']*)'/g)].map((match) => match[1]),
    );
    expect([...new Set(packages)]).toEqual(['zod']);
  });

  it('no room reads the clock, chance, the environment or the world', () => {
    const forbidden =
      /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bprocess\.|\bperformance\.|\bsetTimeout\b|\bfetch\(|from 'node:(?!buffer)/;
    const wrong = rooms.flatMap((room) => filesUnder(`lib/${room}`)).filter((file) => forbidden.test(source(file)));
    expect(wrong).toEqual([]);
  });

  it('no file has a default export, an enum or a barrel', () => {
    const files = ['lib', 'functions', 'infra', 'local', 'bin', 'bench'].flatMap(filesUnder);
    expect(files.filter((file) => /^export default|^(export )?(const )?enum |^export \* from/m.test(source(file)))).toEqual([]);
  });
});
