// lib/adapters/aws: what stands between us and a service, whatever was asked: region, credentials, network, load.
// in: a refusal · out: the finding, or null when it is the service's own word about the question
import type { Finding } from '../../model/finding.ts';
import type { Answer, Refusal } from './preflight-ask.ts';

/** `service` as people call it; `actions` is what was tried. */
export interface Question {
  readonly service: 'Kinesis' | 'DynamoDB';
  readonly region: string;
  readonly action: string;
  readonly resource: string;
}

/** What a service says about a request that it would have let through, or about what is asked for. */
const EXPECTED = new Set([
  'ConditionalCheckFailedException',
  'DryRunOperationException',
  'ProvisionedThroughputExceededException',
  'ResourceNotFoundException',
]);

const said = ({ name, message }: Refusal): string => (name === 'Error' ? message : `${name}: ${message}`);

/** The finding about the way to the service. All questions of one service have the same, so that the reader is told once. */
export const reachFinding = (answer: Answer<unknown>, question: Question): Finding | null => {
  const { service, region } = question;
  switch (answer.kind) {
    case 'no-region':
      return {
        kind: 'region-missing',
        what: 'the AWS region',
        received: 'none',
        allowed: 'a region such as eu-west-1',
        doThis: 'set AWS_REGION, or give region to awsPorts',
        fatal: true,
      };
    case 'no-credentials':
      return {
        kind: 'credentials-missing',
        what: 'the AWS credentials',
        received: said(answer),
        allowed: 'credentials that the SDK can load',
        doThis: 'give the task a role (ECS: taskRoleArn of the task definition), or set AWS_PROFILE',
        fatal: true,
      };
    case 'bad-credentials':
      return {
        kind: 'credentials-refused',
        what: `the AWS credentials, shown to ${service} in ${region}`,
        received: said(answer),
        allowed: `credentials that are valid in ${region} now`,
        doThis: 'renew them; check that the region is enabled for the account and that this machine’s clock is right',
        fatal: true,
      };
    case 'unreachable':
      return {
        kind: 'service-unreachable',
        what: `${service} at ${answer.endpoint ?? `its endpoint in ${region}`}`,
        received: said(answer),
        allowed: 'an answer',
        doThis: `check AWS_REGION, AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_${service.toUpperCase()}, and that the network leads there (NAT gateway or VPC endpoint)`,
        fatal: true,
      };
    case 'busy':
      return {
        kind: 'not-checked',
        what: `${question.action} on ${question.resource}`,
        received: said(answer),
        allowed: 'an answer',
        doThis: 'nothing now: the service was busy, and the next start checks it again',
        fatal: false,
      };
    case 'declined':
      if (EXPECTED.has(answer.name) || answer.name.startsWith('KMS')) return null;
      return {
        kind: 'not-checked',
        what: `${question.action} on ${question.resource}`,
        received: said(answer),
        allowed: 'an answer that tells whether it is permitted',
        doThis: 'see what the message says; an emulator that does not know the request is no harm',
        fatal: false,
      };
    default:
      return null;
  }
};

/** The actions that a role may not do on one resource, as one finding. `or` names the other explanation. */
export const permissionFinding = (
  resource: string,
  denials: readonly { readonly action: string; readonly message: string }[],
  or: string,
  fatal: boolean,
): Finding[] => {
  const [first] = denials;
  if (first === undefined) return [];
  return [
    {
      kind: 'permission-missing',
      what: `permissions on ${resource}`,
      received: `${denials.map(({ action }) => action).join(', ')} denied: ${first.message}`,
      allowed: 'all that a worker does',
      doThis: `attach the stack's WorkerPolicy to the role (output WorkerPolicyArn, or PredictiveShadowing.grantWorker), or ${or}`,
      fatal,
    },
  ];
};
