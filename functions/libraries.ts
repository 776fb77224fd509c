// functions: the forecasting libraries of this container.
// in: nothing · out: second opinions
import { type SecondOpinions, secondOpinions } from '../lib/adapters/second-opinions.ts';

let opinions: SecondOpinions | undefined;
/** Once per container; its thread starts with the first question. */
export const libraries = (): SecondOpinions => {
  opinions ??= secondOpinions();
  return opinions;
};
