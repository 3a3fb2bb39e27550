import json

from click.testing import CliRunner

from filterbank import bankfile
from filterbank.cli.schema import command


def test_the_schema_is_printed_as_json():
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 0
    assert json.loads(result.output) == bankfile.json_schema()
