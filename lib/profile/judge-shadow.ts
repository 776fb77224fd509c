// lib/profile: whether a setting did better in the shadow.
// in: what the run of legs a, aa and b found · out: better, or why not, with the numbers
import type { Difference, Findings } from '../model/profile-report.ts';

/** What a better setting shortens: the time that all lanes together take for a record, which is what a shard can take. */
const GAIN = 'turn ms/record';
/** What must not get worse for it. The legs share one process, so that memory cannot be told apart here; the watch on the primary looks at it. */
const GUARDS = ['latency p99 ms', 'cpu ms/record', 'loop ms/record', 'failed share'];

export type ShadowVerdict = { readonly kind: 'better' | 'notBetter'; readonly reason: string };

const figure = (value: number): string => value.toPrecision(3);
const sentence = ({ measure, a, b, factor, low, high, floor }: Difference): string => {
  const times =
    factor === null
      ? ''
      : ` (${figure(factor)} times${low === null || high === null ? '' : `, ${figure(low)} to ${figure(high)}`}; two equal legs differ by up to ${figure(floor)} times)`;
  return `${measure} ${figure(b)} instead of ${figure(a)}${times}`;
};

/** Better: the gain stands out of the noise floor, and nothing else is worse beyond it. */
export const judgeShadow = ({
  differences,
  noise,
  detail,
}: Pick<Findings, 'differences' | 'noise' | 'detail'>): ShadowVerdict => {
  const worse = differences.filter(({ measure, kind }) => kind === 'worse' && (measure === GAIN || GUARDS.includes(measure)));
  const gain = differences.find(({ measure, kind }) => measure === GAIN && kind === 'better');
  if (worse.length > 0)
    return {
      kind: 'notBetter',
      reason: `Worse in the shadow: ${worse.map(sentence).join('; ')}.${gain === undefined ? '' : ` Better was ${sentence(gain)}.`}`,
    };
  if (gain !== undefined) return { kind: 'better', reason: `Better in the shadow, and nothing worse: ${sentence(gain)}.` };
  const floor = noise.find(({ measure }) => measure === GAIN)?.floor;
  return {
    kind: 'notBetter',
    reason:
      floor === undefined
        ? `The shadow told too little of ${GAIN}: ${detail}`
        : `In the shadow ${GAIN} changed by no more than two equal legs differ, up to ${figure(floor)} times.`,
  };
};
