import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { decimalText } from '../decimal.ts';
import { createFocusChecker, type FocusCheck } from './check.ts';
import { focus, focusHeader } from './schema.ts';

const good: Readonly<Record<string, string>> = {
  BilledCost: '0',
  BillingAccountId: 'contoso',
  BillingAccountName: 'Contoso',
  BillingCurrency: 'USD',
  BillingPeriodEnd: '2026-12-01T00:00:00Z',
  BillingPeriodStart: '2026-11-01T00:00:00Z',
  ChargeCategory: 'Usage',
  ChargeClass: '',
  ChargeDescription: 'Input tokens',
  ChargeFrequency: 'Usage-Based',
  ChargePeriodEnd: '2026-11-24T00:00:00Z',
  ChargePeriodStart: '2026-11-23T00:00:00Z',
  ConsumedQuantity: '1500',
  ConsumedUnit: 'Tokens',
  ContractedCost: '0.00105',
  ContractedUnitPrice: '0.7',
  EffectiveCost: '0.001050000',
  HostProviderName: 'Microsoft',
  InvoiceIssuerName: 'Microsoft',
  ListCost: '0.001125',
  ListUnitPrice: '0.75',
  PricingCategory: 'Standard',
  PricingQuantity: '0.0015',
  PricingUnit: '1000000 Tokens',
  RegionId: 'westeurope',
  RegionName: 'West Europe',
  ServiceCategory: 'AI and Machine Learning',
  ServiceName: 'Azure OpenAI',
  ServiceProviderName: 'Microsoft',
  ServiceSubcategory: 'Generative AI',
  SkuId: 'gpt-5.4-mini/input',
  SkuPriceId: 'list/gpt-5.4-mini/input',
  Tags: '{"consumer":"web"}',
};

function checked(...changes: readonly Readonly<Record<string, string>>[]): FocusCheck {
  const header = [...new Set([...Object.keys(good), ...changes.flatMap((change) => Object.keys(change))])];
  const checker = createFocusChecker();
  checker.header(header, 1);
  changes.forEach((change, index) => {
    const row = { ...good, ...change };
    checker.row(
      header.map((column) => row[column] ?? ''),
      index + 2,
    );
  });
  return checker.result();
}

suite('the schema of FOCUS 1.4', () => {
  test('has the 65 columns of the text, 21 of them mandatory, each with its section', () => {
    assert.equal(focus.columns.length, 65);
    assert.equal(focus.columns.filter((one) => one.level === 'Mandatory').length, 21);
    assert.deepEqual(
      focus.columns.map((one) => one.section),
      focus.columns.map((_, index) => `3.1.${index + 1}`),
    );
  });

  test('says of each column what it means here, and every mandatory one is written', () => {
    for (const { id, meaning, level, written } of focus.columns) {
      assert.notEqual(meaning, '', id);
      if (level === 'Mandatory') assert.ok(written, id);
    }
    assert.deepEqual(focusHeader.slice(0, 2), ['BilledCost', 'BillingAccountId']);
    assert.ok(focusHeader.indexOf('Tags') < focusHeader.indexOf('x_AllocationRule'));
  });

  test('names only columns that there are in its rules', () => {
    const known = new Set(focus.columns.map((one) => one.id));
    const named = JSON.stringify(focus.rules).matchAll(/"(?:column|result|to|parent)":"([^"]+)"/g);
    for (const [, name = ''] of named) assert.ok(known.has(name), name);
  });
});

suite('the check of a file', () => {
  test('finds nothing wrong with a right row, and adds up', () => {
    const { problems, rows, sums } = checked({}, {});
    assert.deepEqual(problems, []);
    assert.equal(rows, 2);
    assert.equal(decimalText(sums.EffectiveCost), '0.0021');
    assert.equal(decimalText(sums.ListCost), '0.00225');
  });

  const faults: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    ['a cost that is no number', { BilledCost: '1,5' }, 'BilledCost'],
    ['an empty cost', { EffectiveCost: '' }, 'EffectiveCost'],
    [
      'an unknown charge category',
      { ChargeCategory: 'Discount', ConsumedQuantity: '', ConsumedUnit: '' },
      'ChargeCategory',
    ],
    ['a time without a zone', { ChargePeriodStart: '2026-11-23T00:00:00' }, 'ChargePeriodStart'],
    ['a day that does not exist', { ChargePeriodStart: '2026-11-31T99:00:00Z' }, 'ChargePeriodStart'],
    ['a period that ends before it begins', { ChargePeriodEnd: '2026-11-22T00:00:00Z' }, 'ChargePeriodEnd'],
    ['a currency by its sign', { BillingCurrency: '$' }, 'BillingCurrency'],
    ['a unit in small letters', { PricingUnit: 'tokens' }, 'PricingUnit'],
    ['a price below 0', { ListUnitPrice: '-0.75', ListCost: '-0.001125' }, 'ListUnitPrice'],
    ['a cost that is not price times quantity', { ContractedCost: '0.00106' }, 'ContractedCost'],
    ['usage without a quantity', { ConsumedQuantity: '', ConsumedUnit: '' }, 'ConsumedQuantity'],
    ['a quantity without its unit', { ConsumedUnit: '' }, 'ConsumedUnit'],
    ['usage without a price id', { SkuPriceId: '' }, 'SkuPriceId'],
    [
      'a tax with a price',
      { ChargeCategory: 'Tax', ConsumedQuantity: '', ConsumedUnit: '', EffectiveCost: '0' },
      'SkuId',
    ],
    ['a tax that is not billed', { ChargeCategory: 'Tax', EffectiveCost: '1' }, 'BilledCost'],
    ['tags that are a list', { Tags: '["a"]' }, 'Tags'],
    ['tags inside tags', { Tags: '{"a":{"b":1}}' }, 'Tags'],
    ['a subcategory of another category', { ServiceCategory: 'Compute' }, 'ServiceSubcategory'],
    ['white space around a value', { ServiceName: ' Azure OpenAI' }, 'ServiceName'],
    ['a region without its name', { RegionName: '' }, 'RegionName'],
  ];
  for (const [what, change, column] of faults)
    test(`finds ${what}`, () => {
      const { problems } = checked({}, change);
      const found = problems.find((one) => one.column === column);
      assert.equal(found?.line, 3, JSON.stringify(problems));
      assert.notEqual(found.source, '');
    });

  test('takes a correction without quantities and prices', () => {
    const without = {
      PricingQuantity: '',
      PricingUnit: '',
      ConsumedQuantity: '',
      ConsumedUnit: '',
      SkuPriceId: '',
      SkuId: '',
    };
    const prices = {
      ListUnitPrice: '',
      ContractedUnitPrice: '',
      PricingCategory: '',
      ListCost: '-5',
      ContractedCost: '-5',
    };
    assert.deepEqual(checked({ ...without, ...prices, ChargeClass: 'Correction' }).problems, []);
    assert.notDeepEqual(checked({ ...without, ...prices }).problems, []);
  });

  test('accepts what the official validator accepts between a cost and its product', () => {
    assert.deepEqual(checked({ ContractedCost: '0.001050001' }).problems, []);
    assert.notDeepEqual(checked({ ContractedCost: '0.0010500011' }).problems, []);
  });

  test('finds a price id under two parents', () => {
    const { problems } = checked({}, { SkuId: 'another' });
    assert.deepEqual(
      problems.map((one) => [one.line, one.column]),
      [[3, 'SkuPriceId']],
    );
  });

  test('looks at the header', () => {
    const checker = createFocusChecker();
    checker.header(['BilledCost', 'x_Own', 'Strange', 'BilledCost', 'ListCost'], 1);
    const says = checker.result().problems.map((one) => `${one.column}: ${one.says}`);
    assert.ok(says.includes('Strange: FOCUS has no such column, and it does not begin with x_'));
    assert.ok(says.includes('BilledCost: the column stands there twice'));
    assert.ok(says.includes('ListCost: it stands behind x_Own, which is a column of our own'));
    assert.ok(says.includes('EffectiveCost: the column is mandatory, and missing'));
  });

  test('a file without rows is right, and a row of another length is not', () => {
    const checker = createFocusChecker();
    checker.header(focusHeader, 1);
    assert.equal(checker.result().problemCount, 0);
    checker.row(['1'], 2);
    assert.match(checker.result().problems[0]?.says ?? '', /1 cells/);
  });

  test('counts every problem and keeps a hundred', () => {
    const { problems, problemCount } = checked(...Array.from({ length: 150 }, () => ({ BilledCost: 'x' })));
    assert.equal(problemCount, 150);
    assert.equal(problems.length, 100);
  });
});
