// bin/command-line: every command that needs nothing but a deployed control plane or a file.
// in: words · out: tables or JSON on stdout, one clear line on stderr and exit 2 for what cannot be understood
import { Command, CommanderError, Option } from 'commander';
import type { AcceptedResponse, FleetResponse, MonitorResponse, PredictionsResponse } from '../lib/model/api.ts';
import { asked, type Connection, print, refuse } from './ask.ts';
import { addBacktest } from './backtest.ts';
import { addEvents } from './event.ts';
import { forecastText } from './forecast-text.ts';
import { addImport } from './import.ts';
import { addPolicy } from './policy.ts';
import { addProfileCommands, type ProfileOptions, profileAsked } from './profile.ts';
import { addSimulate } from './simulate.ts';
import { monitorText, type PlanBody, planText, statusText } from './tables.ts';
import { addTuning } from './tune.ts';

/** A command that speaks to the deployed API. */
const connected = (parent: Command, name: string, description: string): Command =>
  parent
    .command(name)
    .description(description)
    .addOption(new Option('--api <url>', 'the address of the deployed API').env('PENUMBRA_API').makeOptionMandatory())
    .addOption(new Option('--application <name>', 'the application').env('PENUMBRA_APPLICATION').makeOptionMandatory())
    .addOption(new Option('--stream <name>', 'the stream').env('PENUMBRA_STREAM').makeOptionMandatory())
    .option('--json', 'print the API’s answer as JSON');

/** Reads the words of this process. `first` adds what this way of starting has beside the common commands. */
export const runCommandLine = async (first: (program: Command) => void): Promise<void> => {
  const program = new Command('penumbra')
    .description('Predictive shadow scaling for Amazon Kinesis Data Streams')
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, '')) });
  first(program);

  connected(program, 'console', 'open the console of a deployed control plane on this machine')
    .option('--port <port>', 'port on 127.0.0.1 (default: a free one)', '0')
    .action(async (given: Connection & { port: string }) => {
      if (!/^\d+$/.test(given.port) || Number(given.port) > 65_535)
        return refuse(`--port must be a whole number from 0 to 65535, got ${given.port}`);
      if (!URL.canParse(given.api)) return refuse(`--api must be a URL, got ${given.api}`);
      const { startConsole } = await import('../console/server.ts');
      const opened = await startConsole(
        { url: given.api, application: given.application, streamName: given.stream },
        Number(given.port),
      );
      if (opened.kind === 'refused') return refuse(opened.message);
      process.stderr.write(`console on ${opened.server.url} (Ctrl-C ends it)\n`);
      const end = () => void opened.server.close().then(() => process.exit(0));
      process.on('SIGINT', end).on('SIGTERM', end);
    });

  connected(program, 'status', 'shards and workers, now and foreseen').action(async (given: Connection) =>
    print(given, await asked<FleetResponse>(given, 'GET', '/fleet'), statusText),
  );

  connected(program, 'forecast', 'what is foreseen of the stream and of each shard, and how well that held lately')
    .option('--why', 'show the model of each series, why it was chosen, and which ones failed')
    .action(async (given: Connection & { why?: true }) =>
      print(given, await asked<PredictionsResponse>(given, 'GET', '/predictions'), (body) =>
        forecastText(body, given.why === true),
      ),
    );

  connected(program, 'plan', 'the newest plan; with --why also everything that it left undone, and why')
    .option('--why', 'show every hold with its reason')
    .option('--limit <count>', 'so many plans', '1')
    .action(async (given: Connection & { why?: true; limit: string }) =>
      print(given, await asked<PlanBody>(given, 'GET', '/plans', { query: { limit: given.limit } }), (body) =>
        planText(body, given.why === true),
      ),
    );

  connected(program, 'approve <planId>', 'carry out a proposed plan (mode recommend)').action(
    async (planId: string, given: Connection) => {
      const body = { application: given.application, streamName: given.stream };
      print(
        given,
        await asked<{ planId: string; operationIds: string[] }>(given, 'POST', `/plans/${encodeURIComponent(planId)}/approve`, {
          body,
        }),
        ({ operationIds }) =>
          operationIds.length === 0 ? 'approved' : `approved: ${operationIds.map((id) => `operation ${id}`).join(', ')}`,
      );
    },
  );

  const shadow = program.command('shadow').description('standby shadows and profiling shadows');
  connected(shadow, 'create <shardId>', 'ask for a standby shadow of a shard')
    .option('--worker <workerId>', 'on this worker (default: the one with the most room)')
    .option('--profile', 'a profiling shadow: a sample of the keys is really processed, and measured')
    .option('--share <share>', 'of the shard’s keys, in (0, 1] (with --profile)')
    .option('--minutes <minutes>', 'from 1 to 60 (with --profile)')
    .option('--budget <usd>', 'ends the run when it has cost more, in US dollars (with --profile)')
    .option('--candidate', 'beside the processor as it is, the workers’ option candidate, a new version of it (with --profile)')
    .option('--compare <with>', 'sets results side by side, field by field: of the legs, or of the primary, too (with --profile)')
    .option('--ignore <field...>', 'fields that may differ: updatedAt, lines.*.id, trace.** (with --compare)')
    .action(async (shardId: string, given: Connection & ProfileOptions & { worker?: string }) => {
      const profile = profileAsked(given);
      if (profile.kind === 'refused') return refuse(profile.message);
      const body = {
        application: given.application,
        streamName: given.stream,
        shardId,
        ...(given.worker === undefined ? {} : { workerId: given.worker }),
        ...profile.body,
      };
      print(
        given,
        await asked<AcceptedResponse>(given, 'POST', '/shadow/create', { body }),
        ({ operationId }) => `accepted as operation ${operationId}`,
      );
    });
  connected(shadow, 'activate <shardId>', 'hand a shard over to the worker that holds its shadow').action(
    async (shardId: string, given: Connection) => {
      const body = { application: given.application, streamName: given.stream, shardId };
      print(
        given,
        await asked<AcceptedResponse>(given, 'POST', '/shadow/activate', { body }),
        ({ operationId }) => `accepted as operation ${operationId}`,
      );
    },
  );
  connected(shadow, 'monitor', 'shadows with what they have verified, handovers, outcomes').action(async (given: Connection) =>
    print(given, await asked<MonitorResponse>(given, 'GET', '/shadow/monitor'), monitorText),
  );

  addProfileCommands(shadow, connected);
  addTuning(program, connected);

  addPolicy(program, connected);
  addSimulate(program);
  addBacktest(program);
  addEvents(program, connected);
  addImport(program);

  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else throw error;
  }
};
