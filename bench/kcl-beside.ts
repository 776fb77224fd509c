// bench/kcl-beside: KCL beside a bench of ours, tuned hard and at its defaults, after ours: both need the whole machine.
// in: the bench's options, the event · out: the fields `peer` and `peerWhy`
import { join, resolve } from 'node:path';
import { type KclAnswer, type KclScenario, type KclSettings, runKcl } from './kcl-peer.ts';
import { ROOT, say } from './on-local-cloud.ts';
import { textAfter } from './options.ts';

/** The `peer` and, where one did not run, `peerWhy` of a bench: left out by --quick and --no-peer; --peer DIR says where it lies. */
export const kclBeside = async (options: readonly string[], scenario: KclScenario, event: string) => {
  const leftOut = ['--no-peer', '--quick'].find((name) => options.includes(name));
  if (leftOut !== undefined) return { peer: null, peerWhy: `left out by ${leftOut}` };
  const peer = resolve(textAfter(options, '--peer') ?? join(ROOT, '..', 'shared', 'peers', 'kcl'));
  const answers: Partial<Record<KclSettings, KclAnswer>> = {};
  for (const how of ['tuned', 'default'] as const) {
    say(`KCL 3.5.1, ${how}: ${event}`);
    const answer = await runKcl(ROOT, peer, scenario, how, say);
    answers[how] = answer;
    say(answer.kind === 'ran' ? `KCL ${how}: stood still up to ${answer.run.gapMsMax} ms` : `KCL ${how}: ${answer.why}`);
  }
  const whys = Object.values(answers).flatMap((answer) => (answer.kind === 'cannot' ? [answer.why] : []));
  const runOf = (how: KclSettings) => (answers[how]?.kind === 'ran' ? answers[how].run : null);
  const runs = { default: runOf('default'), tuned: runOf('tuned') };
  return {
    peer: runs.default === null && runs.tuned === null ? null : runs,
    ...(whys.length === 0 ? {} : { peerWhy: [...new Set(whys)].join('; ') }),
  };
};
