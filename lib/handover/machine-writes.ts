// lib/handover: the conditional writes of the handover machine on the lease item, as data.
// in: nothing · out: named writes that the workers apply through DynamoDB, Step Functions applies directly (infra renders them as updateItem
// states), the memory store and the model checker apply by apply-write.ts. One description, so they cannot drift apart.
import { RESTORABLE_AFTER_REDIRECT, RESTORABLE_BEFORE_REDIRECT } from '../model/handover.ts';
import { equals, exists, input, is, type LeaseWrite, missing, oneOf, remove, set, value } from './lease-write.ts';

const thisHandover = equals('handover.id', input('handoverId'));

/** The writes that Step Functions makes itself, without a Lambda; inputs are bound from the execution. */
export const machineWrites = {
  /** Opens the handover: the named worker holds a tracking shadow, nothing else is under way. */
  prepare: {
    name: 'prepare',
    conditions: [
      equals('owner', input('source')),
      equals('epoch', input('epoch')),
      is('state', 'active'),
      equals('shadow.workerId', input('target')),
      is('shadow.state', 'tracking'),
      missing('handover'),
      missing('reshard'),
    ],
    changes: [
      set('handover', {
        map: {
          id: input('handoverId'),
          phase: value('preparing'),
          source: input('source'),
          target: input('target'),
          epoch: input('epoch'),
          taskToken: input('taskToken'),
          pauseBudgetMs: input('pauseBudgetMs'),
          requestedAtMs: input('requestedAtMs'),
        },
      }),
    ],
  },
  /** Asks the owner to stop dispatching, drain and write `drained`; the target answers the token once it has proved the same digest. */
  pause: {
    name: 'pause',
    conditions: [
      thisHandover,
      is('handover.phase', 'preparing'),
      equals('owner', input('source')),
      equals('epoch', input('epoch')),
    ],
    changes: [set('handover.phase', value('pausing')), set('handover.taskToken', input('taskToken'))],
  },
  /** The change of owner. */
  redirect: {
    name: 'redirect',
    conditions: [
      thisHandover,
      is('handover.phase', 'pausing'),
      equals('owner', input('source')),
      equals('epoch', input('epoch')),
      exists('handover.drained'),
    ],
    changes: [set('owner', input('target')), { op: 'add', path: 'epoch', by: 1 }, set('handover.phase', value('redirected'))],
  },
  /** Compares what the owner drained with what the shadow proved: sequence number, count and digest. */
  verify: {
    name: 'verify',
    conditions: [
      thisHandover,
      is('handover.phase', 'redirected'),
      exists('handover.proof'),
      equals('handover.drained', { path: 'handover.proof' }),
    ],
    changes: [set('handover.phase', value('verified'))],
  },
  /** Lets the target activate. */
  allowActivation: {
    name: 'allowActivation',
    conditions: [thisHandover, is('handover.phase', 'verified'), equals('owner', input('target'))],
    changes: [set('handover.phase', value('activating')), set('handover.taskToken', input('taskToken'))],
  },
  /** Asks the old owner to give back what it holds. */
  deactivate: {
    name: 'deactivate',
    conditions: [thisHandover, oneOf('handover.phase', ['activated', 'released']), equals('owner', input('target'))],
    changes: [set('handover.taskToken', input('taskToken'))],
  },
  /** Closes the handover; the shadow that became the owner is no shadow any more. */
  resume: {
    name: 'resume',
    conditions: [thisHandover, oneOf('handover.phase', ['activated', 'released'])],
    changes: [remove('handover')],
  },
  /** Restore before the change of owner: nothing had changed, the source dispatches on under its epoch. */
  abandon: {
    name: 'abandon',
    conditions: [
      thisHandover,
      oneOf('handover.phase', RESTORABLE_BEFORE_REDIRECT),
      equals('owner', input('source')),
      equals('epoch', input('epoch')),
    ],
    changes: [remove('handover')],
  },
  /** Restore after the change of owner and before the point of no return: back to the source under epoch + 2. */
  restore: {
    name: 'restore',
    conditions: [thisHandover, oneOf('handover.phase', RESTORABLE_AFTER_REDIRECT), equals('owner', input('target'))],
    changes: [set('owner', input('source')), { op: 'add', path: 'epoch', by: 1 }, remove('handover'), remove('shadow')],
  },
} as const satisfies Record<string, LeaseWrite>;
export type MachineWriteName = keyof typeof machineWrites;
