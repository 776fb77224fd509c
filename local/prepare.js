// local/prepare: runs before `npm start` and `npm test`, under the machine's own Node: installs what is missing. Plain JavaScript for that reason.
// `--tests` also looks for the browser that the console's tests want; without one they report skipped.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = dirname(dirname(fileURLToPath(import.meta.url)));

const fail = (message) => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) fail(`Penumbra needs Node 20 or newer, this is ${process.version}`);

const pythonVersion = () => {
  for (const name of ['python3', 'python']) {
    const answer = spawnSync(name, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], { encoding: 'utf8' });
    if (answer.status === 0) return answer.stdout.trim();
  }
  return null;
};
const python = pythonVersion();
const [pythonMajor = 0, pythonMinor = 0] = (python ?? '').split('.').map(Number);
if (python === null) fail('Penumbra’s local cloud needs Python 3.10 or newer, and there is no python3 on the PATH');
if (pythonMajor < 3 || (pythonMajor === 3 && pythonMinor < 10))
  fail(`Penumbra’s local cloud needs Python 3.10 or newer, this is ${python}`);

const lockfile = join(project, 'package-lock.json');
const installed = join(project, 'node_modules', '.package-lock.json');
const isCurrent =
  existsSync(installed) &&
  existsSync(join(project, 'node_modules', '.bin', 'node')) &&
  statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs;
if (!isCurrent) {
  process.stderr.write('installing what is missing (npm ci) …\n');
  const npm = process.env.npm_execpath;
  const [command, args] = npm ? [process.execPath, [npm, 'ci']] : ['npm', ['ci']];
  try {
    // Everything to stderr: stdout is for the summary.
    execFileSync(command, [...args, '--no-audit', '--no-fund'], { cwd: project, stdio: ['ignore', 2, 2] });
  } catch {
    fail('npm ci failed; its output is above');
  }
}

const hasBrowser = () =>
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].some((path) => existsSync(path));
if (process.argv.includes('--tests') && !hasBrowser()) {
  const apt = (...args) =>
    spawnSync('apt-get', args, {
      stdio: ['ignore', 2, 2],
      timeout: 300_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  const mayInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;
  if (mayInstall) {
    process.stderr.write('installing chromium for the tests of the console …\n');
    if (!apt('install', '-y', '--no-install-recommends', 'chromium') && apt('update'))
      apt('install', '-y', '--no-install-recommends', 'chromium');
  }
  if (!hasBrowser()) process.stderr.write('no chromium on this machine: the tests of the console’s page will be skipped\n');
}
