() => performance.getEntries()
    .filter(({ entryType, name }) => entryType === "navigation" || name.includes("/static/"))
    .map(({ name, decodedBodySize }) => [name, decodedBodySize])
