async () => {
    const { placeLabels } = await import("/static/js/show/place_labels.js");
    let seed = 7;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const marks = Array.from({ length: 400 }, (_, index) => {
        const [x, y, wide, high] = [random() * 1000, random() * 740, random() * 110, random() * 30];
        const bounds = { x, y, right: x + wide, bottom: y + high };
        const corners = [[x, y], [x + wide, y], [x + wide, y + high], [x, y + high]];
        const kind = ["vehicle", "plate", "line"][index % 3];
        return { id: `${index}`, kind, corners, bounds, label: `LABEL ${index}` };
    });
    const options = { size: 13, measure: (text, size) => ({ width: text.length * size * 0.6, up: size, down: 0 }), width: 1120, height: 780 };
    const places = placeLabels(marks, options);
    const again = placeLabels(marks, options);
    const solid = [...marks.filter(({ kind }) => kind !== "vehicle").map(({ bounds }) => bounds), ...places];
    const meet = (one, other) => one.x < other.right && one.right > other.x && one.y < other.bottom && one.bottom > other.y;
    return {
        placed: places.length,
        overlaps: places.filter((place) => solid.some((other) => other !== place && meet(place, other))).length,
        outside: places.filter(({ x, y, right, bottom }) => x < 0 || y < 0 || right > 1120 || bottom > 780).length,
        smaller: places.filter(({ size }) => size < 13).length,
        leaders: places.filter(({ leader }) => leader).length,
        numbers: places.filter(({ number }) => number).length,
        same: JSON.stringify(places) === JSON.stringify(again),
    };
}
