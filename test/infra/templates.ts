// test: the synthesised stack. The functions are not bundled: function-code.test.ts does that.
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { PenumbraStack, type PenumbraStackProps } from '../../infra/penumbra-stack.ts';

/** The template of a stack with one stream, or as given. */
export const templateOf = (props: Partial<PenumbraStackProps> = {}): Template => {
  const streams = [{ application: 'shop', streamName: 'orders' }];
  return Template.fromStack(
    new PenumbraStack(new App({ context: { 'aws:cdk:bundling-stacks': [] } }), 'Penumbra', { streams, ...props }),
  );
};
