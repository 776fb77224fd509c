// test/package: a project on this machine that has installed what `npm pack` makes, without a network.
// in: the packages that it has beside penumbra · out: its folder, and programs run in it
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export const project = resolve(import.meta.dirname, '../..');

export interface Packed {
  readonly tarball: string;
  readonly bytes: number;
  readonly files: readonly string[];
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export const run = (command: string, args: readonly string[], cwd: string): Ran => {
  const env = {
    ...process.env,
    NODE_NO_WARNINGS: '1',
    NODE_OPTIONS: '',
    PATH: `${join(project, 'node_modules/.bin')}:${process.env.PATH}`,
  };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return { status, stdout, stderr };
};

/** What npm would publish; its `prepack` builds. */
export const pack = (folder: string): Packed => {
  const npm = process.env.npm_execpath;
  const args = ['pack', '--json', '--pack-destination', folder];
  const packed = npm === undefined ? run('npm', args, project) : run(process.execPath, [npm, ...args], project);
  if (packed.status !== 0) throw new Error(`npm pack ended with ${packed.status}: ${packed.stderr}`);
  const [told] = JSON.parse(packed.stdout) as [{ filename: string; size: number; files: { path: string }[] }];
  return { tarball: join(folder, told.filename), bytes: told.size, files: told.files.map(({ path }) => path) };
};

const link = (name: string, modules: string): void => {
  const at = join(modules, name);
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(join(project, 'node_modules', name), at);
};

/** Makes a project whose node_modules holds the package as packed, what it says that it depends on, and `also`; nothing else is to be found from there. */
export const install = ({ tarball }: Packed, folder: string, also: readonly string[] = []): void => {
  const modules = join(folder, 'node_modules');
  const own = join(modules, 'penumbra');
  mkdirSync(own, { recursive: true });
  const unpacked = run('tar', ['-xzf', tarball, '-C', own, '--strip-components=1'], folder);
  if (unpacked.status !== 0) throw new Error(`tar ended with ${unpacked.status}: ${unpacked.stderr}`);
  const { dependencies } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), '@types/node', ...also]) link(name, modules);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'shop', private: true, type: 'module' }));
};

/** A program of the user's, copied from beside this file. */
export const write = (folder: string, file: string): void => cpSync(join(import.meta.dirname, file), join(folder, file));

/** Type-checks files as strictly as a careful user; with `declarations` all that is installed, too. */
export const typeCheck = (
  folder: string,
  files: readonly string[],
  {
    moduleResolution = 'nodenext',
    declarations = false,
  }: { moduleResolution?: 'nodenext' | 'bundler'; declarations?: boolean } = {},
): Ran => {
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023'],
    types: ['node'],
    module: moduleResolution === 'nodenext' ? 'nodenext' : 'preserve',
    moduleResolution,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    noEmit: true,
    skipLibCheck: !declarations,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  return run(join(project, 'node_modules/.bin/tsc'), ['-p', folder], folder);
};
