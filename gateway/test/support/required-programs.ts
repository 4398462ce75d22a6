/** What a suite may be unable to run without; `TOLLGATE_TEST_REQUIRE=postgres,python` names those that must be there. */
export type Program = 'chromium' | 'faketime' | 'namespaces' | 'postgres' | 'python' | 'redis';

/** For `test` and `describe`: skipped, with the reason, where `why` says that the program is missing, unless it must be there. */
export function skipWithout(program: Program, why: string | undefined): { readonly skip?: string } {
  const required = (process.env['TOLLGATE_TEST_REQUIRE'] ?? '').split(',').includes(program);
  return why === undefined || required ? {} : { skip: why };
}
