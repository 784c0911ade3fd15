// @ts-check
// Which columns a filter of field types lets through, whether they are told in Esri's words or in those of pandas.
const ESRI = "esriFieldType";
const FAMILIES = {
  whole: /^(SmallInteger|Integer|Long|BigInteger|OID|ObjectID|u?int\d*|bool(ean)?)$/i,
  number: /^(Single|Double|float\d*)$/i,
  text: /^(String|GUID|GlobalID|XML|object|str|string.*|category)$/i,
  date: /^(Date|DateOnly|TimeOnly|TimestampOffset|datetime64.*|timestamp.*)$/i,
};

/** @param {string} type */
const family = (type) => Object.keys(FAMILIES).find((name) => FAMILIES[name].test(type)) ?? type;

/** Whether a column may be offered; one whose type tells nothing is. @param {string[]} words of the filter @param {string} type of the column */
export function fits(words, type) {
  const wanted = words.filter((word) => word.startsWith(ESRI)).map((word) => family(word.slice(ESRI.length)));
  return !wanted.length || !type || wanted.includes(family(type));
}
