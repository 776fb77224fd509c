// local: the Python environment that MiniStack runs in, made once per project.
// in: the project's directory · out: the interpreter that has it
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const MINISTACK = 'ministack==1.5.33';
const CANDIDATES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** The first interpreter on PATH (or in PYTHON) that is new enough. Fails with what was found instead. */
export const findPython = async (env: NodeJS.ProcessEnv): Promise<string> => {
  const found: string[] = [];
  for (const candidate of env.PYTHON ? [env.PYTHON] : CANDIDATES) {
    try {
      const { stdout } = await run(candidate, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], { env });
      const version = stdout.trim();
      const [major = 0, minor = 0] = version.split('.').map(Number);
      if (major === 3 && minor >= 10) return candidate;
      found.push(`${candidate} is ${version}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') found.push(`${candidate} does not run`);
    }
  }
  throw new Error(
    `the local cloud needs Python 3.10 or newer on PATH (or its path in PYTHON), found ${found.join(', ') || 'none'}`,
  );
};

/**
 * The interpreter of a virtual environment with MiniStack in it; made on the first call (about 10 s, 90 MB).
 * It is built under a name of its own and renamed when whole, so that two starts at the same time do not meet and a broken one is never found.
 */
export const ministackPython = async (
  cacheDirectory: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<string> => {
  const home = join(cacheDirectory, 'venv', MINISTACK.replace('==', '-'));
  const interpreter = join(home, 'bin', 'python');
  if (await exists(interpreter)) return interpreter;
  const python = await findPython(env);
  await mkdir(join(cacheDirectory, 'venv'), { recursive: true });
  const building = await mkdtemp(join(cacheDirectory, 'venv', 'building-'));
  try {
    onProgress(`making a Python environment with ${MINISTACK} (once)`);
    await run(python, ['-m', 'venv', building], { env });
    await run(join(building, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', MINISTACK], {
      env,
    });
    await rename(building, home);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    if (await exists(interpreter)) return interpreter;
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-8).join('\n');
    throw new Error(
      `cannot make the Python environment for ${MINISTACK} (on Debian it needs the package python3-venv): ${said || String(error)}`,
      { cause: error },
    );
  }
  return interpreter;
};
