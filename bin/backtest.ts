// bin/backtest: the sub-command that shows how well each model would have foreseen a recorded load.
// in: trace files · out: a table or JSON on stdout, progress on stderr, perhaps a page with the pictures; one line and exit 2 for what is wrong with a file
import { constants } from 'node:fs';
import { access, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { secondOpinions } from '../lib/adapters/second-opinions.ts';
import type { ModelName } from '../lib/model/forecast.ts';
import { progressOn } from '../local/progress.ts';
import { readTrace } from '../local/trace.ts';
import { refuse } from './ask.ts';
import { backtestPage } from './backtest-page.ts';
import { runModels, type Scene, type Score, sceneOf, type TraceRun } from './backtest-run.ts';
import { columns } from './tables.ts';

/** Ours first. A combination is a mean of others that the choice makes, none of its own. */
const MODELS = [
  'incremental',
  'exponential-smoothing',
  'mstl',
  'arima',
  'prophet',
  'seasonal-naive',
  'last-value',
] as const satisfies readonly ModelName[];
const DEFAULT_ORIGINS = 50;
/** The picture shows so much of the trace's end. */
const PICTURE_SEC = 2 * 86_400;

interface Given {
  readonly trace: readonly string[];
  readonly models: readonly string[];
  readonly horizonMin: number;
  readonly origins: number;
  readonly plot?: string;
  readonly json?: true;
}

const wholeNumber = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}, got ${text}`);
  return value;
};

const modelNames = (text: string): string[] => {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(MODELS as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`must name models of ${MODELS.join(', ')}, got ${unknown === '' ? 'nothing' : unknown}`);
  return [...new Set(names)];
};

/** Adds `backtest` to the command line. */
export const addBacktest = (program: Command): void => {
  program
    .command('backtest')
    .description('how well each model would have foreseen a recorded load: error, loss, coverage, bias at the peak, time')
    .requiredOption('--trace <files...>', 'CSV timestamp,value or timestamp,key,count; at least three days')
    .option('--models <names>', `separated by commas, of ${MODELS.join(', ')} (default: all)`, modelNames, [...MODELS])
    .option('--horizon-min <minutes>', 'how far ahead', wholeNumber(5, 240), 60)
    .option('--origins <count>', 'from how many moments of each trace', wholeNumber(1, 2000), DEFAULT_ORIGINS)
    .option('--plot <file>', 'also write a page with the forecasts over what came')
    .option('--json', 'the scores as JSON')
    .allowExcessArguments(false)
    .action(backtest);
};

const backtest = async (given: Given): Promise<void> => {
  // Every file is read before anything runs: a wrong last one is not found out after minutes.
  const scenes: Scene[] = [];
  for (const file of given.trace) {
    const read = await readTrace(file);
    if (read.kind === 'refused') return refuse(read.message);
    const made = sceneOf(read.trace, given.horizonMin, given.origins);
    if (made.kind === 'refused') return refuse(`${file}: ${made.message}`);
    scenes.push(made.scene);
  }
  const unwritable = given.plot === undefined ? null : await whyUnwritable(given.plot);
  if (unwritable !== null) return refuse(unwritable);
  const progress = progressOn(process.stderr);
  const libraries = secondOpinions();
  const runs: TraceRun[] = [];
  try {
    for (const scene of scenes) {
      const tileSteps = given.plot === undefined ? 0 : PICTURE_SEC / scene.series.stepSec;
      const run = await runModels(scene, given.models, libraries.models, tileSteps, progress.live);
      runs.push(run);
      progress.step(`${scene.name}: ${run.models.length} models at ${scene.origins.length} origins`);
    }
  } finally {
    await libraries.close();
  }
  if (given.plot !== undefined) {
    try {
      await writeFile(given.plot, backtestPage(runs, given.horizonMin));
    } catch (error) {
      return refuse(`--plot ${given.plot}: cannot be written (${(error as NodeJS.ErrnoException).code ?? error})`);
    }
    progress.step(`page in ${given.plot}`);
  }
  process.stdout.write(given.json === true ? `${jsonOf(given, runs)}\n` : `${textOf(given, runs)}\n`);
};

/** Found out before anything runs, as what is wrong with a trace is. */
const whyUnwritable = async (file: string): Promise<string | null> => {
  if ((await stat(file).catch(() => null))?.isDirectory()) return `--plot ${file}: is a directory, not a file`;
  const folder = dirname(resolve(file));
  try {
    await access(folder, constants.W_OK);
    return (await stat(folder)).isDirectory() ? null : `--plot ${file}: ${folder} is no directory`;
  } catch (error) {
    return `--plot ${file}: cannot be written (${(error as NodeJS.ErrnoException).code ?? error})`;
  }
};

const NOTE =
  'ERROR and PINBALL are over those of the last value (1 = no better). PINBALL and COVERAGE are of the 95 % bound on the highest load within the horizon; 95 % should hold. BIAS AT PEAK: the highest loads that were foreseen (means; medians of models that tell none) over those that came, added up. MS: one forecast from cold.';

const cellsOf = (model: string, score: Score | null, failure: string | null, origins: number): string[] =>
  score === null
    ? [model, '–', '–', '–', '–', '–', `${origins} of ${origins}: ${failure ?? 'nothing came that could be judged'}`]
    : [
        model,
        score.error.toFixed(3),
        score.pinball.toFixed(3),
        `${(100 * score.coverage).toFixed(1)} %`,
        `${score.biasAtPeak < 0 ? '–' : ''}${Math.abs(100 * score.biasAtPeak).toFixed(1)} %`,
        score.ms.toFixed(1),
        score.failed === 0 ? 'none' : `${score.failed} of ${origins}${score.failure === null ? '' : `: ${score.failure}`}`,
      ];

const HEADER = ['MODEL', 'ERROR', 'PINBALL', 'COVERAGE', 'BIAS AT PEAK', 'MS', 'FAILED'];

const textOf = (given: Given, runs: readonly TraceRun[]): string => {
  const tables = runs.map(({ scene, models }) => {
    const rows = models.map(({ model, score, failure }) => cellsOf(model, score, failure, scene.origins.length));
    return `${scene.name}: ${scene.origins.length} origins, ${given.horizonMin} min ahead, steps of ${scene.series.stepSec} s\n${columns(HEADER, rows)}`;
  });
  const total =
    runs.length < 2
      ? []
      : [
          `all ${runs.length} traces: geometric means of ERROR and PINBALL, means of the rest\n${columns(
            HEADER,
            given.models.map((model) =>
              cellsOf(model, totalOf(model, runs), null, sum(runs.map((run) => run.scene.origins.length))),
            ),
          )}`,
        ];
  return [...tables, ...total, NOTE].join('\n\n');
};

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

/** Over the traces on which the model could be judged; null where on none. */
export const totalOf = (model: string, runs: readonly TraceRun[]): Score | null => {
  const scores = runs.flatMap((run) => run.models.find((each) => each.model === model)?.score ?? []);
  if (scores.length === 0) return null;
  const mean = (of: (score: Score) => number): number => sum(scores.map(of)) / scores.length;
  const geometric = (of: (score: Score) => number): number => Math.exp(mean((score) => Math.log(Math.max(of(score), 1e-9))));
  return {
    error: geometric(({ error }) => error),
    pinball: geometric(({ pinball }) => pinball),
    coverage: mean(({ coverage }) => coverage),
    biasAtPeak: mean(({ biasAtPeak }) => biasAtPeak),
    ms: mean(({ ms }) => ms),
    failed: sum(scores.map(({ failed }) => failed)),
    failure: null,
  };
};

const jsonOf = (given: Given, runs: readonly TraceRun[]): string =>
  JSON.stringify({
    horizonMin: given.horizonMin,
    traces: Object.fromEntries(
      runs.map(({ scene, models }) => [
        scene.name,
        {
          origins: scene.origins.length,
          stepSec: scene.series.stepSec,
          models: Object.fromEntries(models.map(({ model, score, failure }) => [model, score ?? { failure }])),
        },
      ]),
    ),
    total: Object.fromEntries(given.models.map((model) => [model, totalOf(model, runs)])),
  });
