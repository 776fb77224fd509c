// console/plan-list: what was planned, newest first, with every reason.
// in: plans as the API tells them · out: the list
import { empty, html } from './dom.ts';
import { clock, count, duration, shardName } from './format.ts';
import { triggerName } from './trigger-names.ts';

/** A plan as the API tells it: hash keys are strings there. */
export interface PlanView {
  readonly planId: string;
  readonly createdAtMs: number;
  readonly mode: string;
  readonly status: string;
  readonly leadTimeReason: string;
  readonly shardsReason?: string;
  readonly workersReason?: string;
  readonly actions: readonly {
    readonly actionId: string;
    readonly kind: string;
    readonly trigger: string;
    readonly shardId: string;
    readonly reason: string;
    readonly workerId?: string;
    readonly target?: string;
    readonly expected: {
      readonly costUsdPerMonth: number;
      readonly leadTimeSec: number;
      readonly recordsAtRiskPerHour: number;
      readonly benefitUsdPerHour?: number;
      readonly lagAvoidedSec?: number;
    };
  }[];
  readonly holds: readonly { readonly subject: string; readonly reason: string; readonly detail: string }[];
}

const actionNames: Readonly<Record<string, string>> = {
  split: 'split',
  merge: 'merge',
  resize: 'resize',
  'create-shadow': 'shadow',
  'remove-shadow': 'drop shadow',
  handover: 'handover',
};

/** Plans that did nothing and for the same reasons are shown as one. */
export const foldPlans = (
  plans: readonly PlanView[],
): { readonly plan: PlanView; readonly times: number; readonly sinceMs: number }[] => {
  const folded: { plan: PlanView; times: number; sinceMs: number }[] = [];
  const shape = (plan: PlanView) => plan.holds.map((hold) => `${hold.subject}/${hold.reason}`).join(' ');
  for (const plan of plans) {
    const last = folded.at(-1);
    if (last !== undefined && plan.actions.length === 0 && last.plan.actions.length === 0 && shape(plan) === shape(last.plan)) {
      last.times++;
      last.sinceMs = plan.createdAtMs;
    } else folded.push({ plan, times: 1, sinceMs: plan.createdAtMs });
  }
  return folded;
};

/** Every plan, newest first: what it does, what it leaves, and why. */
export const planList = (plans: readonly PlanView[]): HTMLElement => {
  if (plans.length === 0) return empty('No plan yet. One is made each minute, as soon as there is a policy and some history.');
  const entries = foldPlans(plans).map(({ plan, times, sinceMs }) =>
    html(
      'li',
      { class: plan.actions.length > 0 ? 'plan acts' : 'plan' },
      html(
        'p',
        { class: 'when' },
        html(
          'time',
          { datetime: new Date(plan.createdAtMs).toISOString() },
          times > 1 ? `${clock(sinceMs)} – ${clock(plan.createdAtMs)}` : clock(plan.createdAtMs),
        ),
        html('span', { class: 'quiet' }, times > 1 ? `${times} plans alike` : `${plan.mode}, ${plan.status}`),
      ),
      ...plan.actions.map((action) =>
        html(
          'div',
          { class: 'action' },
          html(
            'span',
            { class: `badge ${action.kind}` },
            `${actionNames[action.kind] ?? action.kind} ${shardName(action.shardId)}`,
          ),
          html('span', { class: `badge trigger ${action.trigger}` }, triggerName(action.trigger)),
          html('p', {}, action.reason),
          html(
            'p',
            { class: 'quiet' },
            [
              `takes about ${duration(action.expected.leadTimeSec * 1000)}`,
              action.expected.costUsdPerMonth !== 0 &&
                `${action.expected.costUsdPerMonth > 0 ? 'costs' : 'saves'} $${Math.abs(action.expected.costUsdPerMonth).toFixed(2)} a month`,
              action.expected.benefitUsdPerHour !== undefined &&
                action.expected.benefitUsdPerHour > 0 &&
                `avoids what is worth $${action.expected.benefitUsdPerHour.toPrecision(2)} an hour`,
              action.expected.lagAvoidedSec !== undefined &&
                action.expected.lagAvoidedSec >= 1 &&
                `and a lag of ${duration(action.expected.lagAvoidedSec * 1000)}`,
              action.expected.recordsAtRiskPerHour >= 1 &&
                `without it ${count(Math.round(action.expected.recordsAtRiskPerHour), 'record')} an hour at risk`,
            ]
              .filter(Boolean)
              .join(' · '),
          ),
        ),
      ),
      plan.holds.length > 0 &&
        html(
          'details',
          { 'data-id': `holds-${plan.planId}`, ...(plan.actions.length === 0 ? { class: 'only' } : {}) },
          html(
            'summary',
            {},
            plan.actions.length === 0
              ? html('span', {}, 'Holds: ', plan.holds[0]!.detail)
              : `and ${count(plan.holds.length, 'hold')}`,
          ),
          html(
            'ul',
            { class: 'holds' },
            ...plan.holds.map((hold) =>
              html('li', {}, html('b', {}, `${shardName(hold.subject)}, ${hold.reason}`), ` ${hold.detail}`),
            ),
          ),
          html('p', { class: 'quiet' }, plan.leadTimeReason),
          ...[plan.shardsReason, plan.workersReason]
            .filter((reason) => reason !== undefined)
            .map((reason) => html('p', { class: 'quiet' }, reason)),
        ),
    ),
  );
  return html('ol', { class: 'plans', reversed: true }, ...entries);
};
