// bench/statsforecast-peer: Theta and AutoARIMA of Python's statsforecast, as peers in the same run.
// in: histories · out: its forecasts, or why it cannot run here
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const SCRIPT = join(ROOT, '..', 'shared', 'peers', 'statsforecast', 'forecast.py');
const VENV = join(ROOT, '.local', 'statsforecast');
const PYTHON = join(VENV, 'bin', 'python');
/** It answers the same question the same way, in a tenth of a second (Theta) or nearly one each: what it was asked once is kept. */
const ANSWERS = join(VENV, 'answers');

/** Theta with a season; AutoARIMA without one, which with 288 steps of a day would take minutes. */
export type PeerModel = 'theta' | 'autoarima';

export interface PeerForecasts {
  readonly point: number[][];
  /** The one-sided 95 % bound. */
  readonly upper: number[][];
  readonly ms: number[];
}
export type Peer =
  | {
      readonly kind: 'ready';
      readonly forecast: (
        model: PeerModel,
        histories: readonly (readonly number[])[],
        season: number,
        steps: number,
      ) => PeerForecasts;
    }
  | { readonly kind: 'missing'; readonly why: string };

/** The peer, installed under .local when it is not there yet. */
export const statsforecastPeer = (): Peer => {
  if (!existsSync(SCRIPT)) return { kind: 'missing', why: `${SCRIPT} is not there` };
  if (!existsSync(join(VENV, 'installed'))) {
    process.stderr.write('installing statsforecast 2.1.1 under .local (once)\n');
    const steps: [string, string[]][] = [
      ['python3', ['-m', 'venv', VENV]],
      [PYTHON, ['-m', 'pip', 'install', '-q', 'statsforecast==2.1.1']],
      [PYTHON, ['-c', `import statsforecast; open(${JSON.stringify(join(VENV, 'installed'))}, 'w').close()`]],
    ];
    for (const [command, args] of steps) {
      const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 600_000 });
      if (status !== 0)
        return {
          kind: 'missing',
          why: `${command} ${args.slice(0, 3).join(' ')}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`,
        };
    }
  }
  return {
    kind: 'ready',
    forecast: (model, histories, season, steps) => {
      const input = JSON.stringify({ model, m: season, h: steps, series: histories });
      const known = join(ANSWERS, `${createHash('sha256').update(input).digest('hex')}.json`);
      if (existsSync(known)) return JSON.parse(readFileSync(known, 'utf8')) as PeerForecasts;
      const { status, stdout, stderr } = spawnSync(PYTHON, [SCRIPT], { input, encoding: 'utf8', maxBuffer: 1e9 });
      if (status !== 0) throw new Error(`${SCRIPT} failed: ${stderr.trim().split('\n').at(-1)}`);
      mkdirSync(ANSWERS, { recursive: true });
      writeFileSync(known, stdout);
      return JSON.parse(stdout) as PeerForecasts;
    },
  };
};
