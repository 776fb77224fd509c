// lib/adapters: asks forecasting libraries in a thread of their own.
// in: a question with a deadline · out: an answer that was checked, or why there is none; a library that traps, hangs or throws costs its thread, never the process
import { existsSync } from 'node:fs';
import { Worker as Thread } from 'node:worker_threads';
import type { EvenSeries, ModelForecast } from '../forecast/model.ts';
import type { Answer, SecondOpinion } from '../forecast/second-opinion.ts';
import { QUANTILES } from '../model/forecast.ts';
import type { LibraryModelName, Question, Reply } from './forecast-worker.ts';

/** Days of history from which each library's forecasts are worth comparing. */
const MINIMUM_DAYS: Record<LibraryModelName, number> = { 'exponential-smoothing': 1, mstl: 2, arima: 2, prophet: 2 };
/** A thread that has not even begun after so long will not: loading it takes a third of a second. */
const BEGIN_WITHIN_MS = 20_000;
const HEAP_MB = 256;

/** Where the thread's code is: beside the bundled functions, as source, or (in an installed package) among the functions that it brings. */
const threadFile = (): URL => {
  if (import.meta.url.endsWith('.ts')) return new URL('./forecast-worker.ts', import.meta.url);
  const beside = new URL('./forecast-worker.mjs', import.meta.url);
  return existsSync(beside) ? beside : new URL('../../lambda/forecast-worker.mjs', import.meta.url);
};

/** The libraries' models, and the end of their thread. */
export interface SecondOpinions {
  readonly models: readonly SecondOpinion[];
  /** Ends the thread; questions that wait are answered as failed. */
  close(): Promise<void>;
}

/** The models of all libraries. The thread starts with the first question and is kept until it fails or is closed; the process may end while it idles. */
export const secondOpinions = (file: URL = threadFile()): SecondOpinions => {
  let thread: Thread | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  let asked = 0;
  let closed = false;

  const startedThread = (): Thread => {
    if (thread !== null) return thread;
    const made = new Thread(file, {
      workerData: { penumbra: 'forecast' },
      // What a library prints is not ours to say.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    made.stdout.resume();
    made.stderr.resume();
    // Without a question under way nobody listens, and an idle thread that dies is only replaced.
    made.on('error', () => {});
    made.on('exit', () => {
      if (thread === made) thread = null;
    });
    thread = made;
    return made;
  };

  const endThread = async (): Promise<void> => {
    const ending = thread;
    thread = null;
    await ending?.terminate();
  };

  /** One question to the thread; resolves always. */
  const put = (question: Question, withinMs: number): Promise<Answer> => {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    if (closed) return Promise.resolve({ kind: 'failed', reason: 'the libraries were closed' });
    const asking = startedThread();
    asking.ref();
    let beganMs = performance.now();
    let timer: NodeJS.Timeout;
    const settle = (answer: Answer) => {
      clearTimeout(timer);
      asking.off('message', onReply).off('error', onError).off('exit', onExit);
      asking.unref();
      resolve(answer);
    };
    // A module that trapped is dead, and a thread that is late is busy: the next question gets a new one.
    const failed = (reason: string) => {
      settle({ kind: 'failed', reason });
      void endThread();
    };
    const waitFor = (ms: number) => setTimeout(() => failed(`no answer within ${ms} ms`), ms);
    const onReply = (reply: Reply) => {
      if (reply.id !== question.id) return;
      if (reply.kind === 'began') {
        clearTimeout(timer);
        beganMs = performance.now();
        timer = waitFor(withinMs);
      } else if (reply.kind === 'failed') failed(reply.reason);
      else settle(checked(reply.forecasts, question, performance.now() - beganMs));
    };
    const onError = (error: unknown) => failed(`the thread died: ${error instanceof Error ? error.message : String(error)}`);
    const onExit = (code: number) => failed(`the thread ended with code ${code}`);
    asking.on('message', onReply).on('error', onError).on('exit', onExit);
    timer = waitFor(Math.max(BEGIN_WITHIN_MS, withinMs));
    asking.postMessage(question);
    return promise;
  };

  const askModel = (model: LibraryModelName): SecondOpinion['ask'] => {
    return (series, origins, horizonSteps, withinMs) => {
      // Only what lies before the last origin goes over: no library can look at what came later.
      const until = Math.max(0, ...origins);
      const own: EvenSeries = { ...series, values: series.values.slice(0, until) };
      const question: Question = { id: asked++, model, series: own, origins: [...origins], horizonSteps: [...horizonSteps] };
      const answer = turn.then(() => put(question, withinMs));
      turn = answer;
      return answer;
    };
  };

  return {
    models: Object.entries(MINIMUM_DAYS).map(([name, minimumDays]) => ({
      name: name as LibraryModelName,
      minimumDays,
      ask: askModel(name as LibraryModelName),
    })),
    close: async () => {
      closed = true;
      await endThread();
      await turn;
    },
  };
};

/** The answer, when every forecast in it has the shape and the numbers of one. */
const checked = (forecasts: readonly (ModelForecast | null)[], { origins, horizonSteps }: Question, tookMs: number): Answer => {
  if (forecasts.length !== origins.length)
    return { kind: 'failed', reason: `${forecasts.length} forecasts for ${origins.length} origins` };
  const wrong = forecasts.find((forecast) => forecast !== null && !isForecast(forecast, horizonSteps.length));
  if (wrong) return { kind: 'failed', reason: 'a forecast has a number that is none, or is below zero' };
  if (forecasts.every((forecast) => forecast === null)) return { kind: 'failed', reason: 'could not be fitted to this series' };
  return { kind: 'answered', forecasts, tookMs };
};

const isForecast = ({ quantiles, windowMaxQuantiles }: ModelForecast, horizons: number): boolean =>
  [quantiles, windowMaxQuantiles].every(
    (rows) =>
      rows.length === QUANTILES.length &&
      rows.every((row) => row.length === horizons && row.every((value) => Number.isFinite(value) && value >= 0)),
  );
