// console/console: the page. Asks the API every three seconds and shows what it says, or that it says nothing.
// in: GET /api/… of the console's own server · out: the page's sections
import type { FleetResponse, MonitorResponse, PredictionsResponse } from '../lib/model/api.ts';
import { empty, html, show } from './dom.ts';
import { forecastChart, type PastBand, rememberBand } from './forecast-chart.ts';
import { clockSeconds, duration } from './format.ts';
import { glance } from './glance.ts';
import { keySpace } from './key-space.ts';
import { moveList } from './move-list.ts';
import { type PlanView, planList } from './plan-list.ts';
import { profileList, tuningList } from './profile-list.ts';
import { shadowList } from './shadow-list.ts';
import { workerList } from './worker-list.ts';

const EVERY_MS = 3000;
const LATE_MS = 15_000;

interface Answers {
  fleet: FleetResponse | null;
  predictions: PredictionsResponse | null;
  monitor: MonitorResponse | null;
  plans: PlanView[];
}
const answers: Answers = { fleet: null, predictions: null, monitor: null, plans: [] };
const bands = new Map<number, PastBand & { issuedAtMs: number }>();
let heardAtMs = 0;
let problems: string[] = [];

const ask = async <T>(path: string): Promise<T> => {
  const response = await fetch(`/api${path}`, { signal: AbortSignal.timeout(10_000) });
  const body = (await response.json().catch(() => null)) as (T & { message?: string }) | null;
  if (!response.ok || body === null) throw new Error(body?.message ?? `status ${response.status}`);
  return body;
};

/** Each answer is shown as soon as it is there. */
const arrived = (take: () => unknown): void => {
  take();
  heardAtMs = Date.now();
  draw();
};

const refresh = async (): Promise<void> => {
  const wanted = {
    fleet: ask<FleetResponse>('/fleet').then((body) => arrived(() => (answers.fleet = body))),
    predictions: ask<PredictionsResponse>('/predictions').then((body) => arrived(() => (answers.predictions = body))),
    monitor: ask<MonitorResponse>('/shadow/monitor').then((body) => arrived(() => (answers.monitor = body))),
    plans: ask<{ plans: PlanView[] }>('/plans').then((body) => arrived(() => (answers.plans = body.plans))),
  };
  const results = await Promise.allSettled(Object.values(wanted));
  const names = Object.keys(wanted);
  const byMessage = Map.groupBy(
    results.flatMap((result, i) =>
      result.status === 'rejected' ? [{ name: names[i]!, message: String(result.reason?.message ?? result.reason) }] : [],
    ),
    ({ message }) => message,
  );
  problems = [...byMessage].map(([message, of]) => `${of.map(({ name }) => name).join(', ')}: ${message}`);
  draw();
};

const draw = (): void => {
  const { fleet, predictions, monitor, plans } = answers;
  const problem = document.getElementById('problem')!;
  problem.hidden = problems.length === 0;
  problem.textContent =
    problems.length === 0 ? '' : `The API does not answer everything: ${problems.join('; ')}. What is shown may be old.`;
  const targetUtilization = fleet?.targetUtilization ?? null;
  show('glance', ...(fleet === null ? [] : glance(fleet, predictions, monitor, plans)));
  const width = Math.max(document.getElementById('space')!.clientWidth, 320);
  const workerIds = [...(fleet?.workers ?? [])].map((worker) => worker.workerId).sort();
  show('space', fleet === null || fleet.shards.length === 0 ? empty('No shards known yet.') : keySpace(fleet, width, workerIds));
  const stream = predictions?.series.find((series) => series.scope === 'stream' && series.metric === 'records');
  if (stream !== undefined) rememberBand(bands, stream);
  const reading = document.activeElement?.closest('#forecast svg') !== null && document.activeElement !== document.body;
  const pointing = document.querySelector('#forecast .tip:not([hidden])') !== null;
  if (!reading && !pointing) {
    show(
      'forecast',
      stream === undefined
        ? empty('No forecast yet. It appears with the first minutes of history.')
        : forecastChart(
            stream,
            [...bands.values()].sort((a, b) => a.atMs - b.atMs),
            width,
            targetUtilization,
            predictions?.events,
          ),
    );
  }
  const swatch = (name: string, text: string) => html('span', {}, html('span', { class: `key ${name}` }), text);
  show(
    'forecast-legend',
    ...(stream === undefined
      ? []
      : [
          swatch('line-observed', 'came'),
          swatch('line-median', 'median'),
          swatch('area-next', '90 % band'),
          swatch('area-past', 'band as foreseen before'),
          swatch('line-highest', 'highest until then, 95 %'),
          ...((predictions?.events.length ?? 0) > 0 ? [swatch('area-event', 'known event')] : []),
        ]),
  );
  show('plans', planList(plans));
  show('moves', monitor === null ? empty('Nothing has moved yet.') : moveList(monitor));
  show('workers', fleet === null ? empty('No worker known yet.') : workerList(fleet));
  show('profiles', ...(monitor === null ? [] : profileList(monitor)));
  show('tuning', ...(monitor === null ? [] : tuningList(monitor)));
  show('shadows', monitor === null ? empty('No shadow known yet.') : shadowList(monitor));
};

const tellAge = (): void => {
  const age = Date.now() - heardAtMs;
  const freshness = document.getElementById('freshness')!;
  const text =
    heardAtMs === 0
      ? problems.length > 0
        ? 'no answer yet'
        : 'connecting …'
      : age > LATE_MS
        ? `last heard ${duration(age)} ago`
        : `live · ${clockSeconds(heardAtMs)}`;
  freshness.classList.toggle('late', heardAtMs === 0 ? problems.length > 0 : age > LATE_MS);
  if (freshness.textContent !== text) freshness.textContent = text;
};

const about = (await fetch('/about.json').then((response) => response.json())) as {
  application: string;
  streamName: string;
  source: string;
};
document.getElementById('subject')!.textContent = `${about.streamName} · ${about.application}`;
document.getElementById('subject')!.title = about.source;
document.title = `${about.streamName} · Penumbra`;
addEventListener('resize', draw);
draw();
setInterval(tellAge, 500);
for (;;) {
  await refresh();
  tellAge();
  await new Promise((resolve) => setTimeout(resolve, document.hidden ? EVERY_MS * 5 : EVERY_MS));
}
