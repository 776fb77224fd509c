// console/move-list: handovers under way by phase, and what has ended with its pause.
// in: the monitor's answer · out: the list
import type { MonitorResponse } from '../lib/model/api.ts';
import { empty, html, table } from './dom.ts';
import { clockSeconds, duration, shardName } from './format.ts';
import { triggerName } from './trigger-names.ts';

const phases = ['preparing', 'pausing', 'redirected', 'verified', 'activating', 'activated', 'released'];
const phaseNames = ['Prepare', 'Pause', 'Redirect', 'Verify', 'Activate', 'Deactivate', 'Resume'];

/** What is under way, and what has ended with its pause. */
export const moveList = (monitor: MonitorResponse): HTMLElement => {
  const running = monitor.handovers.map((handover) => {
    const at = phases.indexOf(handover.phase);
    return html(
      'div',
      { class: 'running' },
      html(
        'p',
        {},
        html('b', {}, `Shard ${shardName(handover.shardId)}`),
        ` ${handover.source} → ${handover.target}`,
        html('span', { class: 'quiet' }, ` for ${duration(Math.max(monitor.atMs - handover.requestedAtMs, 0))}`),
      ),
      html(
        'ol',
        { class: 'phases', 'aria-label': `phase ${handover.phase}` },
        ...phaseNames.map((name, i) =>
          html(
            'li',
            { class: i < at ? 'past' : i === at ? 'current' : '', ...(i === at ? { 'aria-current': 'step' } : {}) },
            name,
          ),
        ),
      ),
    );
  });
  if (running.length === 0 && monitor.outcomes.length === 0) return empty('Nothing has moved yet.');
  const good = new Set(['moved', 'done']);
  return html(
    'div',
    {},
    ...running,
    monitor.outcomes.length > 0 &&
      table(
        'Finished handovers and reshards, newest first',
        ['When', 'What', 'Shards', 'Result', 'Why', 'Pause', 'Took'],
        monitor.outcomes.map((outcome) => [
          html('span', {}, clockSeconds(outcome.atMs)),
          outcome.kind,
          html('span', { title: outcome.shardIds.join(', ') }, outcome.shardIds.map(shardName).join(', ')),
          html('span', { class: good.has(outcome.result) ? 'good' : 'bad' }, outcome.result),
          triggerName(outcome.trigger),
          duration(outcome.pauseMs),
          duration(outcome.durationMs),
        ]),
      ),
  );
};
