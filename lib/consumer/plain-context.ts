// lib/consumer: what a processor is given while nothing is profiled: stages that are the bare call, results that go nowhere.
// in: nothing · out: parts of a ProcessorContext
import type { ProcessorResults } from './processor.ts';

/** The work itself. */
export const plainStage = <T>(_name: string, work: () => T): T => work();

const onlyInShadow = (method: string) => async (): Promise<never> => {
  throw new TypeError(
    `context.results.${method} is for profiling copies: it was called with context.shadow false; write to the sinks there, and tell results by context.results.tell`,
  );
};

/** Of a primary that nothing is compared with. */
export const plainResults: ProcessorResults = { tell: () => {}, put: onlyInShadow('put'), get: onlyInShadow('get') };
