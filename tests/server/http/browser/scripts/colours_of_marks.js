async (others) => {
    const { CLASSES, PLATE, TEXT, casingOf, inkOn, vehicleColour } = await import("/static/js/show/colours.js");
    const grounds = [...Object.values(CLASSES), PLATE, TEXT];
    const each = (choose) => Object.fromEntries(grounds.map((ground) => [ground, choose(ground)]));
    return {
        plate: PLATE, text: TEXT, others: others.map((label) => vehicleColour(label)),
        inks: each(inkOn), casings: each(casingOf),
    };
}
