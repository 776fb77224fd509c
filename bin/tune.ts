// bin/tune: operator tuning from the command line.
// in: words · out: what is tuned, a try begun or ended, as sentences or JSON
import type { Command } from 'commander';
import type { TuningResponse, TuningView } from '../lib/model/api.ts';
import { OperatorSetting } from '../lib/model/tuning.ts';
import { asked, type Connection, print, refuse } from './ask.ts';
import { columns, tuningLines } from './tables.ts';

const tuningText = (tuning: TuningResponse): string =>
  [
    ...tuningLines(tuning),
    '',
    columns(
      ['SETTING', 'MAY BE', ...tuning.workers.map(({ workerId }) => workerId)],
      OperatorSetting.options.map((setting) => {
        const bounds = tuning.allowed[setting];
        return [
          setting,
          bounds === undefined ? 'as it is' : `${bounds.from} to ${bounds.to}`,
          ...tuning.workers.map(({ inForce }) => (inForce === null ? '–' : String(inForce[setting]))),
        ];
      }),
    ),
  ].join('\n');

/** Adds `tune list`, `tune try`, `tune stop` and `tune reset`. */
export const addTuning = (program: Command, connected: (parent: Command, name: string, description: string) => Command): void => {
  const tune = program
    .command('tune')
    .description('settings of the workers: tried in a shadow, applied, watched, kept or taken back');
  connected(tune, 'list', 'what is tuned, what is being tried, how the last tries ended, what is allowed').action(
    async (given: Connection) => print(given, await asked<TuningResponse>(given, 'GET', '/tuning'), tuningText),
  );
  connected(tune, 'try <setting> <value>', `try ${OperatorSetting.options.join(', ')}`)
    .option('--shard <shardId>', 'in a shadow of this shard (default: the one with the most load)')
    .action(async (setting: string, value: string, given: Connection & { shard?: string }) => {
      const known = OperatorSetting.safeParse(setting);
      if (!known.success) return refuse(`setting must be one of ${OperatorSetting.options.join(', ')}, got ${setting}`);
      if (!/^[1-9]\d*$/.test(value)) return refuse(`value must be a whole number from 1 on, got ${value}`);
      const body = {
        application: given.application,
        streamName: given.stream,
        setting: known.data,
        value: Number(value),
        ...(given.shard === undefined ? {} : { shardId: given.shard }),
      };
      print(
        given,
        await asked<{ trialId: string; summary: string }>(given, 'POST', '/tuning', { body }),
        ({ trialId, summary }) => `${trialId}: ${summary}`,
      );
    });
  const stopping = (name: string, description: string, reset: boolean) =>
    connected(tune, name, description).action(async (given: Connection) => {
      const body = { application: given.application, streamName: given.stream, reset };
      print(given, await asked<TuningView>(given, 'POST', '/tuning/stop', { body }), (tuning) => tuningLines(tuning).join('\n'));
    });
  stopping('stop', 'end the try that is under way: the former value holds again', false);
  stopping('reset', 'end it, and take back what was kept: the workers’ own values hold again', true);
};
