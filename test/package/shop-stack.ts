// test/package: what a user's CDK app does with the installed package: the control plane in a stack of their own, synthesised.
// in: nothing · out: one line of JSON on stdout
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { PredictiveShadowing, type PredictiveShadowingProps } from 'penumbra/infra';

const props: PredictiveShadowingProps = { streams: [{ application: 'shop', streamName: 'orders' }] };
const app = new App();
const stack = new Stack(app, 'Shop');
const penumbra = new PredictiveShadowing(stack, 'Penumbra', props);
penumbra.grantWorker(new Role(stack, 'Task', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') }));
const assembly = app.synth();
const resources = Object.values(assembly.getStackByName('Shop').template.Resources as Record<string, { Type: string }>);
const assets = readdirSync(assembly.directory).filter((name) => name.startsWith('asset.'));
console.log(
  JSON.stringify({
    functions: resources.filter(({ Type }) => Type === 'AWS::Lambda::Function').length,
    tables: resources.filter(({ Type }) => Type === 'AWS::DynamoDB::GlobalTable').length,
    code: assets
      .flatMap((asset) => readdirSync(join(assembly.directory, asset)))
      .filter((file) => !file.startsWith('chunk-'))
      .sort(),
  }),
);
