// The rules: who may be sold to, for how much, and how well protected.

// What stands against a sale, as reasons; none if nothing does.
export function objections(sale, settings) {
  const reasons = [];
  const territories = words(settings.territories);
  if (territories.length > 0) {
    const territory = sale.territory ?? country(settings.retailers, sale.retailer);
    if (territory === null) {
      reasons.push({ code: "territory-unknown", text: "neither the sale nor a setting names a country" });
    } else if (!territories.includes(territory)) {
      reasons.push({ code: "territory", text: `not sold to ${territory}` });
    }
  }
  const least = prices(settings.prices);
  if (least.size > 0) {
    if (sale.price === null) {
      reasons.push({ code: "price-unknown", text: "the sale names no price" });
    } else if (!least.has(sale.price.currency)) {
      reasons.push({ code: "currency", text: `not sold for ${sale.price.currency}` });
    } else if (BigInt(sale.price.minor) < least.get(sale.price.currency)) {
      reasons.push({ code: "price", text: `below ${least.get(sale.price.currency)} ${sale.price.currency}` });
    }
  }
  return reasons;
}

function words(text) {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

// The country that a retailer sells to, or null: receipts of version 1 name none, so that a center goes by
// who sold.
export function country(text, retailer) {
  const pairs = words(text).map((word) => word.split("="));
  if (!pairs.every((pair) => pair.length === 2 && pair[0] !== "" && /^[A-Z]{2}$/.test(pair[1]))) {
    throw { tag: "invalid", val: "write the setting `retailers` as \"bookshop=DE librairie=FR\"" };
  }
  return new Map(pairs).get(retailer) ?? null;
}

// The least price by currency.
export function prices(text) {
  const found = words(text);
  const least = new Map();
  for (let at = 0; at < found.length; at += 2) {
    const [currency, minor] = [found[at], found[at + 1] ?? ""];
    if (!/^[A-Z]{3}$/.test(currency) || !/^[0-9]{1,15}$/.test(minor)) {
      throw { tag: "invalid", val: "write the setting `prices` as \"EUR 499 USD 599\"" };
    }
    least.set(currency, BigInt(minor));
  }
  return least;
}
