// infra: the CDK app: `npx cdk deploy -c application=NAME -c streams=A,B`.
// in: CDK context · out: one stack
import { App, RemovalPolicy } from 'aws-cdk-lib';
import { configOf } from './config.ts';
import { PenumbraStack } from './penumbra-stack.ts';

const app = new App();
const { stackName, streams, workerServices, localKinesisEndpoint, functionEnvironment, removeTables } = configOf((key) =>
  app.node.tryGetContext(key),
);
new PenumbraStack(app, stackName, {
  description: 'Penumbra: predictive shadow scaling for Kinesis Data Streams',
  streams,
  workerServices,
  removalPolicy: removeTables ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
  functionEnvironment: {
    ...functionEnvironment,
    ...(localKinesisEndpoint !== undefined && { AWS_ENDPOINT_URL_KINESIS: localKinesisEndpoint }),
  },
});
app.synth();
