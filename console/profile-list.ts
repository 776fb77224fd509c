// console/profile-list: what is measured on a sample and tried of the workers' settings.
// in: the monitor's answer · out: a table each, or nothing where there was none
import type { MonitorResponse } from '../lib/model/api.ts';
import { html, table, two } from './dom.ts';
import { clock, count, duration, percent, rate, shardName } from './format.ts';
import { triggerName } from './trigger-names.ts';

/** Profiling shadows under way and what the last ones have taught; nothing where there was none. */
export const profileList = ({ profiles, atMs }: MonitorResponse): HTMLElement[] =>
  profiles.length === 0
    ? []
    : [
        table(
          'Profiling shadows',
          ['Shard', 'On', 'State', 'Sample', 'Limit', 'Foreseen'],
          profiles.map((profile) => [
            html('span', { title: profile.shardId }, shardName(profile.shardId)),
            two(profile.hostId, triggerName(profile.trigger)),
            two(
              html('span', { class: profile.state === 'ended' ? '' : 'good' }, profile.state),
              profile.state === 'ended' || profile.endsAtMs === null
                ? clock(profile.requestedAtMs)
                : `${duration(Math.max(profile.endsAtMs - atMs, 0))} left`,
            ),
            two(percent(profile.share), count(profile.records, 'record')),
            profile.limit === null
              ? '–'
              : two(
                  html('span', { title: profile.decision ?? '' }, profile.limit),
                  `at ${rate(profile.capacityRecordsPerSec)} records/s`,
                ),
            html('span', { class: (profile.utilizationForeseen ?? 0) > 1 ? 'bad' : '' }, percent(profile.utilizationForeseen)),
          ]),
        ),
        ...decided(profiles),
      ];

/** What the newest profile recommends, with its numbers. */
const decided = (profiles: MonitorResponse['profiles']): HTMLElement[] => {
  const newest = profiles.find(({ decision }) => decision !== null);
  return newest === undefined ? [] : [html('p', {}, `Shard ${shardName(newest.shardId)}: ${newest.decision}`)];
};

/** What is tuned of the workers' settings, a sentence each; nothing where nothing ever was. */
export const tuningList = ({ tuning }: MonitorResponse): HTMLElement[] => {
  const { trial, outcomes, summary, settings } = tuning;
  if (trial === null && outcomes.length === 0 && Object.keys(settings).length === 0) return [];
  return [
    table(
      'Tuning',
      ['Setting', 'State', 'Why'],
      [
        ...(trial === null
          ? []
          : [[two(trial.setting, `${trial.from} → ${trial.to}`), html('span', { class: 'good' }, trial.phase), trial.summary]]),
        ...outcomes.map((outcome) => [
          two(outcome.setting, `${outcome.from} → ${outcome.to}`),
          two(
            html('span', { class: outcome.result === 'rolledBack' ? 'bad' : '' }, tuningResults[outcome.result]),
            clock(outcome.endedAtMs),
          ),
          outcome.reason,
        ]),
      ],
    ),
    html('p', {}, summary),
  ];
};

const tuningResults = { kept: 'kept', rolledBack: 'taken back', givenUp: 'not applied' } as const;
