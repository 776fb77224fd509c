// lib/consumer: what a profiling run has measured and not yet written.
// in: windows, the totals so far · out: both in the store, in order; what could not be written comes with the next window
import type { ProfilingRun, ProfilingTotals, ProfilingWindow } from '../model/profiling.ts';
import type { ProfilingStore } from '../ports.ts';

/** One run's windows on their way to the store. */
export class UnsentWindows {
  readonly #store: Pick<ProfilingStore, 'putMeasures'>;
  readonly #windows: ProfilingWindow[] = [];

  constructor(store: Pick<ProfilingStore, 'putMeasures'>) {
    this.#store = store;
  }

  add(window: ProfilingWindow): void {
    this.#windows.push(window);
  }

  async write(run: ProfilingRun, totals: ProfilingTotals): Promise<void> {
    for (const window of [...this.#windows]) {
      await this.#store.putMeasures(run, window, totals);
      this.#windows.shift();
    }
  }
}
