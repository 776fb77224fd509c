// lib/adapters: the thread in which forecasting libraries run.
// in: questions, one at a time · out: answers; after a library's trap the answer says that this thread must not be asked again
import { parentPort, workerData } from 'node:worker_threads';
import type { EvenSeries, Model, ModelForecast } from '../forecast/model.ts';
import { arimaModel } from './arima-library.ts';
import { loadForecastLibraries } from './forecast-libraries.ts';
import { loadProphet } from './prophet-library.ts';

/** The models that libraries bring. */
export type LibraryModelName = 'exponential-smoothing' | 'mstl' | 'arima' | 'prophet';

export interface Question {
  readonly id: number;
  readonly model: LibraryModelName;
  readonly series: EvenSeries;
  readonly origins: readonly number[];
  readonly horizonSteps: readonly number[];
}

export type Reply =
  /** The thread has the question and begins. */
  | { readonly id: number; readonly kind: 'began' }
  | { readonly id: number; readonly kind: 'answered'; readonly forecasts: readonly (ModelForecast | null)[] }
  | { readonly id: number; readonly kind: 'failed'; readonly reason: string };

const loaders: Record<LibraryModelName, () => Promise<Model> | Model> = {
  'exponential-smoothing': () => augurs('exponential-smoothing'),
  mstl: () => augurs('mstl'),
  arima: arimaModel,
  prophet: loadProphet,
};

let fromAugurs: readonly Model[] | undefined;
const augurs = (name: LibraryModelName): Model => {
  fromAugurs ??= loadForecastLibraries();
  return fromAugurs.find((model) => model.name === name)!;
};

const loaded = new Map<LibraryModelName, Model>();

const answerTo = async ({ id, model: name, series, origins, horizonSteps }: Question): Promise<Reply> => {
  try {
    const model = loaded.get(name) ?? (await loaders[name]());
    loaded.set(name, model);
    return { id, kind: 'answered', forecasts: model.forecastAt(series, origins, horizonSteps) };
  } catch (error) {
    return { id, kind: 'failed', reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
};

const port = parentPort;
if (port !== null && (workerData as { penumbra?: string } | null)?.penumbra === 'forecast')
  port.on('message', async (question: Question) => {
    port.postMessage({ id: question.id, kind: 'began' } satisfies Reply);
    port.postMessage(await answerTo(question));
  });
