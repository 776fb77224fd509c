// test: a forecasting thread in which libraries fail: arima traps by its own hand, mstl hangs, prophet takes the thread along, exponential smoothing says NaN.
import { parentPort } from 'node:worker_threads';
import ARIMA from 'arima';
import type { Question, Reply } from '../../lib/adapters/forecast-worker.ts';
import { QUANTILES } from '../../lib/model/forecast.ts';

const flat = (value: number, width: number) => QUANTILES.map(() => new Array<number>(width).fill(value));

const failing = ({ id, model, origins, horizonSteps }: Question): Reply => {
  const said = (value: number): Reply => ({
    id,
    kind: 'answered',
    forecasts: origins.map(() => ({
      quantiles: flat(value, horizonSteps.length),
      windowMaxQuantiles: flat(value, horizonSteps.length),
    })),
  });
  // A question from one origin is answered, so that a test sees whether a new thread is there.
  if (origins.length === 1) return said(7);
  if (model === 'prophet') process.exit(3);
  if (model === 'exponential-smoothing') return said(Number.NaN);
  while (model === 'mstl');
  try {
    new ARIMA({ p: 1, d: 0, q: 1, method: 1 }).train(Array.from({ length: 9_000 }, (_, i) => Math.sin(i)));
    return said(1);
  } catch (error) {
    return { id, kind: 'failed', reason: String(error) };
  }
};

parentPort?.on('message', (question: Question) => {
  parentPort?.postMessage({ id: question.id, kind: 'began' } satisfies Reply);
  parentPort?.postMessage(failing(question));
});
