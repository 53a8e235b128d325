import { z } from 'zod';

/** OpenAI's error object, which every refusal has. */
export const ERROR_OBJECT = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'Error' });
