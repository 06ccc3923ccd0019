"""What stands below the lines of a chart: days and months as people write them, steps as numbers."""

from datetime import date, timedelta

from config.charts import line_chart

FIRST = date(2026, 11, 2)


def test_days_are_written_and_no_more_than_fit_side_by_side():
    days = [FIRST + timedelta(days=n) for n in range(35)]
    drawn = line_chart({"samples": [(day, 1.0) for day in days]})
    written = [column["text"] for column in drawn["columns"]]
    assert written == ["6 Nov", "11 Nov", "16 Nov", "21 Nov", "26 Nov", "1 Dec", "6 Dec"]
    assert drawn["steps"][0] == {"step": "2 Nov", "values": ["1"]}
    places = [column["at"] for column in drawn["columns"]]
    assert places == sorted(places)


def test_where_every_day_is_the_first_of_a_month_months_are_written():
    drawn = line_chart({"trainings": [(date(2026, 10, 1), 2), (date(2026, 11, 1), 5)]})
    assert [column["text"] for column in drawn["columns"]] == ["Oct 2026", "Nov 2026"]


def test_steps_stay_numbers_and_what_is_no_number_is_left_out():
    drawn = line_chart({"accuracy": [(1, 0.5), (2, float("nan")), (3, 0.75)]})
    assert [row["step"] for row in drawn["steps"]] == ["1", "3"]
    assert line_chart({"accuracy": []}) is None
