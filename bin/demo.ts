// bin/demo: the command that shows the whole loop on this machine. It needs the sources: local cloud, CDK and tests' tools.
// in: words · out: the demonstration, or one clear line and exit 2
import type { Command } from 'commander';
import { refuse } from './ask.ts';

/** Adds `demo`. */
export const addDemo = (program: Command): void => {
  program
    .command('demo')
    .description('the whole loop on this machine: local cloud, deployment, three workers, a producer, the console')
    .option('--trace <file>', 'CSV timestamp,value or timestamp,key,count; without it a synthetic load')
    .option('--at <time>', 'the trace’s moment that becomes now (default: three minutes before its steepest ten-minute rise)')
    .option('--rate <records>', 'records a second at the trace’s peak, at most 400 (default: 320)')
    .option('--port <port>', 'port of the console on 127.0.0.1 (default: a free one)')
    .option(
      '--once',
      'stop after the first foreseen reshard and the first foreseen handover, print a summary; exit 1 when they do not come',
    )
    .option('--json', 'the summary as one line of JSON')
    .option(
      '--kill-worker-after <seconds>',
      'kill -9 the fullest worker so long after the replay began; --once then stops a minute later',
    )
    .allowExcessArguments(false)
    .action(async (given) => {
      const { demoOptions } = await import('../local/demo-options.ts');
      const checked = await demoOptions(given);
      if (checked.kind === 'refused') return refuse(checked.message);
      const { runDemo } = await import('../local/demo.ts');
      process.exitCode = await runDemo(checked.options);
      // A socket that the SDK keeps for later must not keep the process.
      process.exit();
    });
};
